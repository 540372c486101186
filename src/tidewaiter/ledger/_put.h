/* Bytes written one after another: each function writes at `at` and returns where the next may. And the body of an entry,
 * which the ledger and the lane both write. What they write is defined by entry.py. */

#ifndef TIDEWAITER_PUT_H
#define TIDEWAITER_PUT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

typedef unsigned char byte;

#define DIGITS 20 /* of any number, its sign included */

static inline byte *put(byte *at, const void *data, size_t size) {
    memcpy(at, data, size);
    return at + size;
}

/* A literal. */
#define PUT(at, text) put(at, text, sizeof(text) - 1)

static inline byte *put_bytes(byte *at, PyObject *data) {
    return put(at, PyBytes_AS_STRING(data), (size_t)PyBytes_GET_SIZE(data));
}

static inline byte *put_big_endian(byte *at, uint32_t value, int size) {
    while (size--)
        *at++ = (byte)(value >> 8 * size);
    return at;
}

static inline byte *put_int(byte *at, long long value) {
    byte reversed[DIGITS];
    unsigned long long rest = value < 0 ? 0 - (unsigned long long)value : (unsigned long long)value;
    int size = 0;
    do
        reversed[size++] = (byte)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0)
        *at++ = '-';
    while (size)
        *at++ = reversed[--size];
    return at;
}

/* The body of an entry, see entry.py, encode_body_in_python: `sql` and `binds` are bytes, `oids` a tuple. First its size, 0
 * with an exception where a section is longer than its length can say. */
static inline size_t body_size(PyObject *sql, PyObject *binds, PyObject *oids) {
    Py_ssize_t text = PyBytes_GET_SIZE(sql), bound = PyBytes_GET_SIZE(binds), types = PyTuple_GET_SIZE(oids);
    if (text > UINT32_MAX || bound > UINT32_MAX || types > UINT32_MAX / 4) {
        PyErr_SetString(PyExc_OverflowError, "a body's section is longer than its length can say");
        return 0;
    }
    return (size_t)(6 + text + (bound ? 5 + bound : 0) + (types ? 5 + 4 * types : 0));
}

/* Then its bytes; NULL with an exception where an OID is none. */
static inline byte *put_body(byte *at, PyObject *sql, PyObject *binds, PyObject *oids) {
    Py_ssize_t bound = PyBytes_GET_SIZE(binds), types = PyTuple_GET_SIZE(oids);
    at = put_bytes(put_big_endian(PUT(at, "\x01S"), (uint32_t)PyBytes_GET_SIZE(sql), 4), sql);
    if (bound)
        at = put_bytes(put_big_endian(PUT(at, "B"), (uint32_t)bound, 4), binds);
    if (types)
        at = put_big_endian(PUT(at, "T"), (uint32_t)(4 * types), 4);
    for (Py_ssize_t i = 0; i < types; i++) {
        unsigned long oid = PyLong_AsUnsignedLong(PyTuple_GET_ITEM(oids, i));
        if (oid > UINT32_MAX) { /* the error value too, where a long has 64 bits */
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_OverflowError, "a type OID has 32 bits");
            return NULL;
        }
        at = put_big_endian(at, (uint32_t)oid, 4);
    }
    return at;
}

static inline PyObject *body_of(PyObject *sql, PyObject *binds, PyObject *oids) {
    size_t size = body_size(sql, binds, oids);
    PyObject *made = size ? PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size) : NULL;
    if (made && !put_body((byte *)PyBytes_AS_STRING(made), sql, binds, oids))
        Py_CLEAR(made);
    return made;
}

#endif
