/* Mask whole DataRow messages in one call: the fast form of MaskPlan.apply in plan.py, which defines the result.
 *
 * Each masked column has a recipe, as LateMask.recipe in late.py writes it, and the Python mask itself. A value that the
 * recipe does not cover (an odd date, an integer of an odd size) goes to the Python mask, whose result or exception is
 * final. Rows that are not as described are declined as a whole: Python then says what is wrong with them. Nothing that
 * was masked before either leaves, since the masked bytes are handed out only at the end.
 *
 * Message format:
 * https://www.postgresql.org/docs/current/protocol-message-formats.html (DataRow).
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "_fields.h"
#include "_moments.h"
#include "_texts.h"

/* -- rows --------------------------------------------------------------------------------------------------------- */

typedef struct {
    PyObject_VAR_HEAD
    Mask masks[1]; /* by ascending index */
} Masks;

enum { LOT = 32 }; /* rows whose digests are computed together */

typedef struct {
    const uint8_t *begin;
    size_t size;
    Field *fields; /* one for each mask */
} Row;

/* Find the fields that are masked, and have digested what must be: DONE, or UNCOVERED when it is no row as described. */
static int find_fields(const Masks *self, Row *row, Lanes *lanes)
{
    const uint8_t *data = row->begin;
    size_t size = row->size, pos = 7, at = 0;
    if (Py_SIZE(self) && big_endian(data + 5, 2) <= self->masks[Py_SIZE(self) - 1].index)
        return UNCOVERED;
    for (Py_ssize_t order = 0; order < Py_SIZE(self); order++) {
        const Mask *mask = &self->masks[order];
        Field *field = &row->fields[order];
        do {
            if (size - pos < 4)
                return UNCOVERED;
            field->size = size_at(data + pos);
            field->is_null = field->size == 0xFFFFFFFF;
            pos += 4;
            if (field->is_null)
                field->size = 0;
            if (field->size > size - pos)
                return UNCOVERED;
            field->value = data + pos;
            pos += field->size;
        } while (at++ < mask->index);
        if (field->is_null || mask->subject == NULL)
            continue;
        uint8_t said[SAID_MOST];
        size_t said_size = 0;
        const uint8_t *subject = mask->subject(mask, field, &said_size, said);
        field->is_odd = subject == NULL;
        if (subject != NULL)
            lanes_digest(lanes, &mask->keyed, subject, said_size, field->digest);
    }
    return DONE;
}

/* Write a row with its fields masked: DONE, FAILED, or UNCOVERED when it becomes too long. */
static int mask_row(const Masks *self, const Row *row, Out *out)
{
    size_t head = out->size;
    const uint8_t *copied = row->begin;
    for (Py_ssize_t order = 0; order < Py_SIZE(self); order++) {
        const Mask *mask = &self->masks[order];
        const Field *field = &row->fields[order];
        if (field->is_null)
            continue;
        if (copied != field->value - 4 && put(out, copied, (size_t)(field->value - 4 - copied)) < 0)
            return FAILED;
        copied = field->value + field->size;
        int done = field->is_odd ? UNCOVERED : mask->apply(mask, field, out);
        if (done == UNCOVERED)
            done = by_python(mask, field, out);
        if (done == FAILED)
            return FAILED;
    }
    if (put(out, copied, (size_t)(row->begin + row->size - copied)) < 0)
        return FAILED;
    size_t total = out->size - head - 1;
    if (total > INT32_MAX)
        return UNCOVERED;
    put_size((uint8_t *)PyBytes_AS_STRING(out->bytes) + head + 1, total);
    return DONE;
}

/* Mask the next rows of data[*at:stop], as many as are a lot. */
static int mask_lot(const Masks *self, const uint8_t *data, size_t *at, size_t stop, Field *fields, Lanes *lanes, Out *out)
{
    Row rows[LOT];
    lanes->used = 0;
    int count = 0;
    for (; count < LOT && *at < stop; count++) {
        size_t length = stop - *at < 7 || data[*at] != 'D' ? 0 : size_at(data + *at + 1);
        if (length < 6 || length > stop - *at - 1)
            return UNCOVERED;
        rows[count] = (Row){data + *at, 1 + length, fields + count * Py_SIZE(self)};
        if (find_fields(self, &rows[count], lanes) == UNCOVERED)
            return UNCOVERED;
        *at += 1 + length;
    }
    lanes_flush(lanes);
    for (int row = 0; row < count; row++) {
        int done = mask_row(self, &rows[row], out);
        if (done != DONE)
            return done;
    }
    return DONE;
}

PyDoc_STRVAR(apply_doc, "apply(data, start, end)\n--\n\n"
"The DataRow messages in data[start:end] with their fields masked; None when they are not what was described.");

static PyObject *masks_apply(Masks *self, PyObject *args)
{
    PyObject *given;
    Py_ssize_t start, end;
    if (!PyArg_ParseTuple(args, "Snn", &given, &start, &end))
        return NULL;
    if (start < 0 || end < start || end > PyBytes_GET_SIZE(given)) {
        PyErr_SetString(PyExc_IndexError, "beyond the data");
        return NULL;
    }
    size_t at = (size_t)start, stop = (size_t)end;
    Field *fields = PyMem_Calloc(LOT * (size_t)(Py_SIZE(self) + 1), sizeof(Field));
    if (fields == NULL)
        return PyErr_NoMemory();
    Lanes lanes = {0};
    Out out = {NULL, 0, stop - at + 64};
    out.bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)out.room);
    int done = out.bytes == NULL ? FAILED : DONE;
    while (done == DONE && at < stop)
        done = mask_lot(self, (const uint8_t *)PyBytes_AS_STRING(given), &at, stop, fields, &lanes, &out);
    PyMem_Free(fields);
    if (done == DONE)
        _PyBytes_Resize(&out.bytes, (Py_ssize_t)out.size); /* NULL, with MemoryError set, when it fails */
    else
        Py_CLEAR(out.bytes);
    if (done == UNCOVERED)
        Py_RETURN_NONE;
    return out.bytes;
}

/* -- recipes ------------------------------------------------------------------------------------------------------ */

/* Converters of PyArg_ParseTuple: 1, or 0 with an exception set. */
static int as_size(PyObject *given, void *to)
{
    Py_ssize_t size = PyLong_AsSsize_t(given);
    if (size < 0 && !PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "sizes are not negative");
    *(size_t *)to = (size_t)size;
    return size >= 0;
}

static int as_span(PyObject *given, void *to)
{
    long long span = PyLong_AsLongLong(given);
    if (span < 1 && !PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "a span is 1 or more");
    *(int64_t *)to = span;
    return span >= 1;
}

static int as_bits(PyObject *given, void *to)
{
    long bits = PyLong_AsLong(given);
    int is_known = bits == 16 || bits == 32 || bits == 64;
    if (!is_known && !PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "integers have 16, 32 or 64 bits");
    *(int *)to = (int)bits;
    return is_known;
}

static int as_unit(PyObject *given, void *to)
{
    for (const char *const *unit = (const char *const[]){"year", "month", "day", NULL}; *unit != NULL; unit++)
        if (PyUnicode_Check(given) && PyUnicode_CompareWithASCIIString(given, *unit) == 0) {
            *(char *)to = **unit;
            return 1;
        }
    PyErr_SetString(PyExc_ValueError, "a unit is year, month or day");
    return 0;
}

static int set_fill(Mask *mask, PyObject *fill)
{
    mask->fill_size = (size_t)PyBytes_GET_SIZE(fill);
    if (mask->fill_size < 1 || mask->fill_size > sizeof mask->fill) {
        PyErr_SetString(PyExc_ValueError, "a character has 1 to 4 bytes");
        return 0;
    }
    memcpy(mask->fill, PyBytes_AS_STRING(fill), mask->fill_size);
    return 1;
}

static int set_key(Mask *mask, PyObject *key, Subject subject, int size)
{
    mask->subject = subject;
    if (PyBytes_GET_SIZE(key) < 1 || PyBytes_GET_SIZE(key) > KEY_MOST) {
        PyErr_SetString(PyExc_ValueError, "a key has 1 to 64 bytes");
        return 0;
    }
    keyed_init(&mask->keyed, (const uint8_t *)PyBytes_AS_STRING(key), (int)PyBytes_GET_SIZE(key), size);
    return 1;
}

/* Whether names are few bytes of ASCII each, so that one of each fits what `fake` has for them. */
static int are_names(PyObject *names)
{
    Py_ssize_t count = PyTuple_GET_SIZE(names);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *name = PyTuple_GET_ITEM(names, i);
        if (!PyBytes_CheckExact(name) || PyBytes_GET_SIZE(name) > NAME_MOST
            || !is_ascii((const uint8_t *)PyBytes_AS_STRING(name), (size_t)PyBytes_GET_SIZE(name)))
            count = 0;
    }
    if (count == 0)
        PyErr_SetString(PyExc_ValueError, "names are some bytes of ASCII, 64 at most");
    return count != 0;
}

static int read_token(Mask *mask, PyObject *recipe)
{
    PyObject *kind, *key;
    return PyArg_ParseTuple(recipe, "OSO&p", &kind, &key, as_size, &mask->limit, &mask->is_padded)
           && set_key(mask, key, text_subject, 17);
}

static int read_fake(Mask *mask, PyObject *recipe)
{
    PyObject *kind, *key;
    int done = PyArg_ParseTuple(recipe, "OSO&pO!O!", &kind, &key, as_size, &mask->limit, &mask->is_padded, &PyTuple_Type,
                                &mask->first, &PyTuple_Type, &mask->last);
    Py_XINCREF(mask->first);
    Py_XINCREF(mask->last);
    return done && set_key(mask, key, text_subject, 8) && are_names(mask->first) && are_names(mask->last);
}

static int read_integer_token(Mask *mask, PyObject *recipe)
{
    PyObject *kind, *key;
    return PyArg_ParseTuple(recipe, "OSO&p", &kind, &key, as_bits, &mask->bits, &mask->is_binary)
           && set_key(mask, key, integer_subject, 8);
}

static int read_uuid_token(Mask *mask, PyObject *recipe)
{
    PyObject *kind, *key;
    return PyArg_ParseTuple(recipe, "OSp", &kind, &key, &mask->is_binary) && set_key(mask, key, uuid_subject, 16);
}

static int read_shift(Mask *mask, PyObject *recipe)
{
    PyObject *kind, *key;
    if (!PyArg_ParseTuple(recipe, "OSO&pp", &kind, &key, as_span, &mask->span, &mask->is_date, &mask->is_binary))
        return 0;
    if (mask->span > INT32_MAX) {
        PyErr_SetString(PyExc_ValueError, "a span is too many days");
        return 0;
    }
    return set_key(mask, key, shift_subject, 8);
}

static int read_truncate(Mask *mask, PyObject *recipe)
{
    PyObject *kind;
    return PyArg_ParseTuple(recipe, "OO&ppp", &kind, as_unit, &mask->unit, &mask->is_date, &mask->is_zoned,
                            &mask->is_binary);
}

static int read_bucket(Mask *mask, PyObject *recipe)
{
    PyObject *kind;
    return PyArg_ParseTuple(recipe, "OO&p", &kind, as_span, &mask->span, &mask->is_binary);
}

static int read_partial(Mask *mask, PyObject *recipe)
{
    PyObject *kind, *fill;
    return PyArg_ParseTuple(recipe, "OO&ppO&O&S", &kind, as_size, &mask->limit, &mask->is_padded, &mask->counts_bytes,
                            as_size, &mask->keep_first, as_size, &mask->keep_last, &fill)
           && set_fill(mask, fill);
}

static int read_plain(Mask *mask, PyObject *recipe) /* email, free_text */
{
    PyObject *kind;
    return PyArg_ParseTuple(recipe, "OO&p", &kind, as_size, &mask->limit, &mask->is_padded);
}

static const struct {
    const char *name;
    int (*read)(Mask *, PyObject *); /* 1, or 0 with an exception set */
    Apply apply;
} KINDS[] = {
    {"bucket", read_bucket, bucket},
    {"email", read_plain, email},
    {"fake", read_fake, fake},
    {"free_json", read_plain, free_json},
    {"free_text", read_plain, free_text},
    {"integer_token", read_integer_token, integer_token},
    {"partial", read_partial, partial},
    {"shift", read_shift, shift},
    {"token", read_token, token},
    {"truncate", read_truncate, truncate_moment},
    {"uuid_token", read_uuid_token, uuid_token},
};

static int read_recipe(Mask *mask, PyObject *recipe)
{
    mask->apply = uncovered;
    if (PyTuple_GET_SIZE(recipe) == 0)
        return 1;
    PyObject *kind = PyTuple_GET_ITEM(recipe, 0);
    if (!PyUnicode_Check(kind)) {
        PyErr_SetString(PyExc_TypeError, "a recipe begins with its kind");
        return 0;
    }
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++)
        if (PyUnicode_CompareWithASCIIString(kind, KINDS[i].name) == 0) {
            mask->apply = KINDS[i].apply;
            return KINDS[i].read(mask, recipe);
        }
    PyErr_Format(PyExc_ValueError, "no recipe is called %R", kind);
    return 0;
}

/* -- the type ----------------------------------------------------------------------------------------------------- */

static void masks_dealloc(Masks *self)
{
    PyTypeObject *type = Py_TYPE(self);
    for (Py_ssize_t i = 0; i < Py_SIZE(self); i++) {
        Py_XDECREF(self->masks[i].python);
        Py_XDECREF(self->masks[i].first);
        Py_XDECREF(self->masks[i].last);
    }
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static PyObject *masks_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    PyObject *columns;
    if (named != NULL && PyDict_GET_SIZE(named) != 0) {
        PyErr_SetString(PyExc_TypeError, "Masks takes no keywords");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "O!", &PyTuple_Type, &columns))
        return NULL;
    Masks *self = (Masks *)type->tp_alloc(type, PyTuple_GET_SIZE(columns)); /* zeroed */
    if (self == NULL)
        return NULL;
    for (Py_ssize_t i = 0; i < Py_SIZE(self); i++) {
        Mask *mask = &self->masks[i];
        PyObject *column = PyTuple_GET_ITEM(columns, i), *recipe;
        Py_ssize_t index;
        if (!PyTuple_Check(column)) {
            PyErr_SetString(PyExc_TypeError, "a column is a tuple");
            goto failed;
        }
        if (!PyArg_ParseTuple(column, "nOO!", &index, &mask->python, &PyTuple_Type, &recipe)) {
            mask->python = NULL;
            goto failed;
        }
        Py_INCREF(mask->python);
        if (index < 0 || (i && (size_t)index <= self->masks[i - 1].index)) {
            PyErr_SetString(PyExc_ValueError, "columns are in order, each once");
            goto failed;
        }
        mask->index = (size_t)index;
        if (!read_recipe(mask, recipe))
            goto failed;
    }
    return (PyObject *)self;
failed:
    Py_DECREF(self);
    return NULL;
}

static PyMethodDef masks_methods[] = {
    {"apply", (PyCFunction)masks_apply, METH_VARARGS, apply_doc},
    {0},
};

PyDoc_STRVAR(masks_doc, "Masks(columns)\n--\n\nMasks of output columns: a tuple of (index, LateMask.apply, recipe), by index.");

static PyType_Slot masks_slots[] = {
    {Py_tp_doc, (void *)masks_doc},
    {Py_tp_new, masks_new},
    {Py_tp_dealloc, masks_dealloc},
    {Py_tp_methods, masks_methods},
    {0},
};

static PyType_Spec masks_spec = {
    .name = "tidewaiter.masking._rows.Masks",
    .basicsize = offsetof(Masks, masks),
    .itemsize = sizeof(Mask),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = masks_slots,
};

static int rows_exec(PyObject *module)
{
    digest_all = best_digest_lanes();
    PyObject *type = PyType_FromModuleAndSpec(module, &masks_spec, NULL);
    int done = type == NULL ? -1 : PyModule_AddType(module, (PyTypeObject *)type);
    Py_XDECREF(type);
    return done;
}

static PyModuleDef_Slot rows_slots[] = {
    {Py_mod_exec, rows_exec},
    {0},
};

static struct PyModuleDef rows = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_rows",
    .m_doc = "Masks whole DataRow messages in one call.",
    .m_slots = rows_slots,
};

PyMODINIT_FUNC PyInit__rows(void)
{
    return PyModuleDef_Init(&rows);
}
