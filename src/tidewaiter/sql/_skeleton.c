/* The skeleton of a text in C: what skeleton.py does with regular expressions, in passes over the bytes.
 *
 * What is computed is defined by skeleton_in_python, which does the same where this module is not. Each pass below is one
 * of its steps, in its order, and says of which of its patterns it is.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

typedef unsigned char byte;

enum { WORD = 1, DIGIT = 2, HIGH = 4, UNSAFE = 8, SPACE = 16 };

static byte is[256]; /* what each byte is */

static void make_classes(void) {
    for (int c = 0; c < 128; c++)
        is[c] = (byte)((Py_ISALNUM(c) || c == '_' ? WORD : 0) | (Py_ISDIGIT(c) ? DIGIT : 0));
    for (int c = 128; c < 256; c++)
        is[c] = HIGH;
    is['\\'] = is[0] = is[1] = is[2] = UNSAFE;
    for (const char *c = " \t\n\r\f\v"; *c; c++)
        is[(byte)*c] = SPACE;
}

static int is_like(const byte *at, const byte *end, const char *lower) {
    for (; *lower; at++, lower++)
        if (at >= end || Py_TOLOWER(*at) != *lower)
            return 0;
    return 1;
}

static int begins_a_statement(const byte *text, const byte *end) {
    return is_like(text, end, "select") || is_like(text, end, "insert") || is_like(text, end, "update") ||
           is_like(text, end, "delete");
}

/* _DOLLAR: whether a dollar sign is that of a parameter, $1, and of nothing else. */
static int is_parameter(const byte *text, const byte *at, const byte *end) {
    const byte *after = at + 1;
    if (at > text && is[at[-1]] & DIGIT)
        return 0;
    while (after < end && is[*after] & DIGIT)
        after++;
    return after > at + 1 && !(after < end && is[*after] & (WORD | HIGH));
}

/* Whether nothing in a text makes the lexer's work less than obvious; counts its double quotes. */
static int is_obvious(const byte *text, const byte *end, Py_ssize_t *quotes) {
    for (const byte *at = text; at < end; at++) {
        if (is[*at] & WORD)
            continue;
        byte next = at + 1 < end ? at[1] : 0;
        if (is[*at] & UNSAFE || (*at == '-' && next == '-') || (*at == '/' && next == '*') ||
            (*at == '$' && !is_parameter(text, at, end)))
            return 0;
        *quotes += *at == '"';
    }
    return 1;
}

/* _STRING: copy a text with its strings replaced; NULL where a quote is left over. */
static byte *without_strings(const byte *text, const byte *end, byte *out) {
    for (const byte *at = text; at < end; at++) {
        *out++ = *at;
        if (*at != '\'')
            continue;
        if (at > text && (is[at[-1]] & (WORD | HIGH) || at[-1] == '&' || at[-1] == '$'))
            return NULL;
        at = memchr(at + 1, '\'', (size_t)(end - at - 1));
        if (!at)
            return NULL;
        *out++ = 1;
    }
    return out;
}

/* _SIMPLE_QUOTED: whether every quoted name is a plain word, and there are as many quotes as in the text. */
static int has_simple_names(const byte *bones, const byte *end, Py_ssize_t quotes) {
    for (const byte *at = bones; (at = memchr(at, '"', (size_t)(end - at))); at++, quotes -= 2) {
        if (++at == end || !(is[*at] & WORD) || is[*at] & DIGIT)
            return 0;
        while (at < end && is[*at] & WORD)
            at++;
        if (at == end || *at != '"')
            return 0;
    }
    return quotes == 0;
}

/* _NUMBER: where the number ends that begins at `at`; NULL if what follows makes it something else. */
static const byte *number_end(const byte *at, const byte *end) {
    while (at < end && is[*at] & DIGIT)
        at++;
    if (at < end && *at == '.')
        while (++at < end && is[*at] & DIGIT)
            ;
    if (at < end && (*at == 'e' || *at == 'E')) {
        const byte *digits = at + 1;
        if (digits < end && (*digits == '+' || *digits == '-'))
            digits++;
        if (digits < end && is[*digits] & DIGIT)
            for (at = digits; at < end && is[*at] & DIGIT;)
                at++;
    }
    return at < end && (is[*at] & (WORD | HIGH) || *at == '.' || *at == '$') ? NULL : at;
}

/* The same in place: replace the numbers. */
static byte *without_numbers(byte *bones, const byte *end) {
    byte *out = bones, before = 0; /* what was before, as it was */
    for (const byte *at = bones; at < end;) {
        const byte *after = NULL;
        if (is[*at] & DIGIT && !(is[before] & (WORD | HIGH) || before == '$' || before == '.' || before == '"'))
            after = number_end(at, end);
        before = after ? '0' : *at;
        *out++ = after ? 2 : *at;
        at = after ? after : at + 1;
    }
    return out;
}

/* _FLOAT: whether bones have a type whose meaning a number decides. */
static int has_sized_float(const byte *bones, const byte *end) {
    for (const byte *at = bones; at < end; at++) {
        if (!is_like(at, end, "float"))
            continue;
        const byte *after = at + 5;
        while (after < end && is[*after] & SPACE)
            after++;
        if (after < end && *after == '(')
            return 1;
    }
    return 0;
}

static int has_numbers_in_brackets(const byte *bones, const byte *end) {
    for (const byte *at = bones; (at = memchr(at, 2, (size_t)(end - at))); at++)
        if (at > bones && at[-1] == '(')
            return 1;
    return 0;
}

/* skeleton(text) -> bytes | None */
static PyObject *skeleton(PyObject *module, PyObject *given) {
    (void)module;
    if (!PyBytes_Check(given))
        return PyErr_Format(PyExc_TypeError, "skeleton(text: bytes)");
    const byte *text = (const byte *)PyBytes_AS_STRING(given), *end = text + PyBytes_GET_SIZE(given);
    Py_ssize_t quotes = 0;
    if (!begins_a_statement(text, end) || !is_obvious(text, end, &quotes))
        Py_RETURN_NONE;
    PyObject *result = PyBytes_FromStringAndSize(NULL, end - text);
    if (!result)
        return NULL;
    byte *bones = (byte *)PyBytes_AS_STRING(result), *bones_end = without_strings(text, end, bones);
    if (bones_end && has_simple_names(bones, bones_end, quotes)) {
        bones_end = without_numbers(bones, bones_end);
        if (!(has_numbers_in_brackets(bones, bones_end) && has_sized_float(bones, bones_end))) {
            _PyBytes_Resize(&result, bones_end - bones);
            return result;
        }
    }
    Py_DECREF(result);
    Py_RETURN_NONE;
}

static PyMethodDef FUNCTIONS[] = {
    {"skeleton", skeleton, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, .m_name = "tidewaiter.sql._skeleton", .m_size = -1, .m_methods = FUNCTIONS,
};

PyMODINIT_FUNC PyInit__skeleton(void) {
    make_classes();
    return PyModule_Create(&MODULE);
}
