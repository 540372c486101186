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

/* -- rows --------------------------------------------------------------------------------------------------------- */

typedef struct {
    PyObject_VAR_HEAD
    Mask masks[1]; /* by ascending index */
} Masks;

/* Write the row in row[0:size] with its fields masked: DONE, FAILED, or UNCOVERED when it is not what was described. */
static int mask_row(Masks *self, const uint8_t *row, size_t size, Out *out)
{
    size_t head = out->size, copied = 0, pos = 7, field = 0;
    if (Py_SIZE(self) && big_endian(row + 5, 2) <= self->masks[Py_SIZE(self) - 1].index)
        return UNCOVERED;
    for (Py_ssize_t order = 0; order < Py_SIZE(self); order++) {
        const Mask *mask = &self->masks[order];
        size_t begin, length;
        int is_null;
        do {
            if (size - pos < 4)
                return UNCOVERED;
            begin = pos;
            length = (size_t)big_endian(row + pos, 4);
            is_null = length == 0xFFFFFFFF;
            pos += 4;
            if (is_null)
                length = 0;
            if (length > size - pos)
                return UNCOVERED;
            pos += length;
        } while (field++ < mask->index);
        if (is_null)
            continue;
        if (put(out, row + copied, begin - copied) < 0)
            return FAILED;
        copied = pos;
        int done = mask->apply(mask, row + begin + 4, length, out);
        if (done == UNCOVERED)
            done = by_python(mask, row + begin + 4, length, out);
        if (done == FAILED)
            return FAILED;
    }
    if (put(out, row + copied, size - copied) < 0)
        return FAILED;
    size_t total = out->size - head - 1;
    if (total > INT32_MAX)
        return UNCOVERED;
    put_big_endian((uint8_t *)PyBytes_AS_STRING(out->bytes) + head + 1, total, 4);
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
    const uint8_t *data = (const uint8_t *)PyBytes_AS_STRING(given);
    size_t at = (size_t)start, stop = (size_t)end;
    Out out = {NULL, 0, stop - at + 64};
    out.bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)out.room);
    if (out.bytes == NULL)
        return NULL;
    int done = DONE;
    while (done == DONE && at < stop) {
        size_t length = stop - at < 7 || data[at] != 'D' ? 0 : (size_t)big_endian(data + at + 1, 4);
        if (length < 6 || length > stop - at - 1) {
            done = UNCOVERED;
            break;
        }
        done = mask_row(self, data + at, 1 + length, &out);
        at += 1 + length;
    }
    if (done == DONE)
        _PyBytes_Resize(&out.bytes, (Py_ssize_t)out.size); /* NULL, with MemoryError set, when it fails */
    else
        Py_CLEAR(out.bytes);
    if (done == UNCOVERED)
        Py_RETURN_NONE;
    return out.bytes;
}

/* -- recipes ------------------------------------------------------------------------------------------------------ */

static int set_key(Mask *mask, const Py_buffer *key, int size)
{
    if (key->len < 1 || key->len > KEY_MOST) {
        PyErr_SetString(PyExc_ValueError, "a key has 1 to 64 bytes");
        return -1;
    }
    keyed_init(&mask->keyed, key->buf, (int)key->len, size);
    return 0;
}

/* Whether names are few bytes of ASCII each, so that one of each fits what `fake` has for them. */
static int check_names(PyObject *names)
{
    Py_ssize_t count = PyTuple_GET_SIZE(names);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *name = PyTuple_GET_ITEM(names, i);
        if (!PyBytes_CheckExact(name) || PyBytes_GET_SIZE(name) > 64)
            count = 0;
        for (Py_ssize_t at = 0; count && at < PyBytes_GET_SIZE(name); at++)
            if ((uint8_t)PyBytes_AS_STRING(name)[at] > 127)
                count = 0;
    }
    if (count == 0)
        PyErr_SetString(PyExc_ValueError, "names are some bytes of ASCII, 64 at most");
    return count ? 0 : -1;
}

static int read_recipe(Mask *mask, PyObject *recipe)
{
    const char *kind = "";
    Py_buffer key = {0};
    Py_ssize_t limit = 0;
    unsigned long long span = 0;
    int done = 0;
    mask->apply = uncovered;
    if (PyTuple_GET_SIZE(recipe) == 0)
        return 0;
    if (!PyUnicode_Check(PyTuple_GET_ITEM(recipe, 0)) || (kind = PyUnicode_AsUTF8(PyTuple_GET_ITEM(recipe, 0))) == NULL) {
        PyErr_SetString(PyExc_TypeError, "a recipe begins with its kind");
        return -1;
    }
    if (strcmp(kind, "token") == 0) {
        mask->apply = token;
        done = PyArg_ParseTuple(recipe, "sy*np", &kind, &key, &limit, &mask->is_padded) && set_key(mask, &key, 17) == 0;
    } else if (strcmp(kind, "fake") == 0) {
        mask->apply = fake;
        done = PyArg_ParseTuple(recipe, "sy*npO!O!", &kind, &key, &limit, &mask->is_padded, &PyTuple_Type, &mask->first,
                                &PyTuple_Type, &mask->last);
        Py_XINCREF(mask->first);
        Py_XINCREF(mask->last);
        done = done && set_key(mask, &key, 8) == 0 && check_names(mask->first) == 0 && check_names(mask->last) == 0;
    } else if (strcmp(kind, "integer_token") == 0) {
        mask->apply = integer_token;
        done = PyArg_ParseTuple(recipe, "sy*ip", &kind, &key, &mask->bits, &mask->is_binary) && set_key(mask, &key, 8) == 0;
        if (done && mask->bits != 16 && mask->bits != 32 && mask->bits != 64) {
            PyErr_SetString(PyExc_ValueError, "integers have 16, 32 or 64 bits");
            done = 0;
        }
    } else if (strcmp(kind, "uuid_token") == 0) {
        mask->apply = uuid_token;
        done = PyArg_ParseTuple(recipe, "sy*p", &kind, &key, &mask->is_binary) && set_key(mask, &key, 16) == 0;
    } else if (strcmp(kind, "shift") == 0) {
        done = PyArg_ParseTuple(recipe, "sy*Kpp", &kind, &key, &span, &mask->is_date, &mask->is_binary)
               && set_key(mask, &key, 8) == 0;
        mask->apply = mask->is_binary ? shift_binary : shift_text;
        mask->span = span;
        if (done && (span < 1 || span > INT32_MAX)) {
            PyErr_SetString(PyExc_ValueError, "a span has 1 day or more");
            done = 0;
        }
    } else
        PyErr_Format(PyExc_ValueError, "no recipe is called %R", PyTuple_GET_ITEM(recipe, 0));
    if (done && limit < 0) {
        PyErr_SetString(PyExc_ValueError, "a limit is no negative number");
        done = 0;
    }
    mask->limit = (size_t)limit;
    PyBuffer_Release(&key);
    return done ? 0 : -1;
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
        if (read_recipe(mask, recipe) < 0)
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
