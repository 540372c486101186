/* What of the ledger is hashing and sealing, in C, with libcrypto's SHA-256 and AES-256-GCM.
 *
 * What is computed is defined by tree.py, seal.py, entry.py and batch.py, which do the same where this module is not. Nothing of
 * SHA or AES is implemented here: libcrypto is the one that Python's _hashlib uses, found when the module is loaded.
 * Without it the import raises ModuleNotFoundError, as it does where the module was not built. A failure of libcrypto
 * raises RuntimeError and is never passed over.
 *
 * The SHA-256 context is shared by all callers, who hold the GIL throughout.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <limits.h>
#include <stddef.h>
#include <structmember.h>
#include <time.h>

#include "_libcrypto.h"
#include "_put.h"

#define HASH 32
#define NONCE 12
#define SALT 32
#define TAG 16
#define FRESH (NONCE + SALT)

/* --- the tree ---------------------------------------------------------------------------------------------------- */

#define LEVELS 64

/* extend(size, edge, leaves) -> (edge, stored): see tree.py, Tree.append. */
static PyObject *extend(PyObject *module, PyObject *const *given, Py_ssize_t count) {
    (void)module;
    if (count != 3 || !PyBytes_Check(given[1]) || !PyBytes_Check(given[2]))
        return PyErr_Format(PyExc_TypeError, "extend(size: int, edge: bytes, leaves: bytes)");
    unsigned long long size = PyLong_AsUnsignedLongLong(given[0]);
    if (size == (unsigned long long)-1 && PyErr_Occurred())
        return NULL;
    const byte *leaf = (byte *)PyBytes_AS_STRING(given[2]);
    Py_ssize_t more = PyBytes_GET_SIZE(given[2]) / HASH;
    int edges = __builtin_popcountll(size);
    if (PyBytes_GET_SIZE(given[1]) != edges * HASH || more * HASH != PyBytes_GET_SIZE(given[2]) || size >> 62)
        return PyErr_Format(PyExc_ValueError, "these are not the edge of %llu entries and whole hashes", size);
    unsigned long long end = size + (unsigned long long)more;
    PyObject *stored = PyBytes_FromStringAndSize(NULL, (2 * more - (__builtin_popcountll(end) - edges)) * HASH);
    if (!stored)
        return NULL;
    byte *out = (byte *)PyBytes_AS_STRING(stored);
    byte edge[(LEVELS + 1) * HASH], *top = edge + edges * HASH;
    memcpy(edge, PyBytes_AS_STRING(given[1]), (size_t)edges * HASH);
    for (; size < end; size++, leaf += HASH) {
        memcpy(top, leaf, HASH);
        memcpy(out, leaf, HASH);
        out += HASH;
        for (unsigned long long n = size; n & 1; n >>= 1) {
            top -= HASH;
            if (sha256("\x01", 1, top, 2 * HASH, top)) {
                Py_DECREF(stored);
                return NULL;
            }
            memcpy(out, top, HASH);
            out += HASH;
        }
        top += HASH;
    }
    return Py_BuildValue("(y#N)", (char *)edge, (Py_ssize_t)(top - edge), stored);
}

/* --- sealing ----------------------------------------------------------------------------------------------------- */

/* Cipher(key, aad, before_ct, before_commit, before_size): AES-256-GCM under one key, and the texts of the member that
 * tells of a body. See seal.py. */
typedef struct {
    PyObject_HEAD
    void *ctx;
    PyObject *aad, *before_ct, *before_commit, *before_size;
} Cipher;

static void cipher_dealloc(Cipher *self) {
    if (self->ctx)
        cipher_ctx_free(self->ctx); /* which cleanses the key */
    Py_XDECREF(self->aad);
    Py_XDECREF(self->before_ct);
    Py_XDECREF(self->before_commit);
    Py_XDECREF(self->before_size);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyObject *cipher_make(PyTypeObject *type, PyObject *given, PyObject *named) {
    Py_buffer key;
    PyObject *aad, *before_ct, *before_commit, *before_size;
    if ((named && PyDict_GET_SIZE(named)) ||
        !PyArg_ParseTuple(given, "y*SSSS", &key, &aad, &before_ct, &before_commit, &before_size)) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_TypeError, "Cipher takes no named arguments");
        return NULL;
    }
    Cipher *self = NULL;
    if (key.len != 32) {
        PyErr_SetString(PyExc_ValueError, "a key has 32 bytes");
    } else if ((self = (Cipher *)type->tp_alloc(type, 0))) {
        self->aad = Py_NewRef(aad);
        self->before_ct = Py_NewRef(before_ct);
        self->before_commit = Py_NewRef(before_commit);
        self->before_size = Py_NewRef(before_size);
        self->ctx = cipher_ctx_new();
        if (!self->ctx || encrypt_init(self->ctx, aes_256_gcm, NULL, key.buf, NULL) != 1) {
            failed();
            Py_CLEAR(self);
        }
    }
    PyBuffer_Release(&key);
    return (PyObject *)self;
}

static PyTypeObject CIPHER = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "tidewaiter.ledger._crypto.Cipher",
    .tp_basicsize = sizeof(Cipher),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = cipher_make,
    .tp_dealloc = (destructor)cipher_dealloc,
};

/* nonce || AES-256-GCM(salt || plaintext) || tag to `out`, where the plaintext has its place already; SHA-256 of
 * salt || plaintext and of all that to the others. */
static int seal(const Cipher *cipher, const byte *fresh, size_t size, byte *out, byte *commit, byte *ct) {
    byte *salted = out + NONCE;
    int done, salted_size = (int)(SALT + size);
    memcpy(out, fresh, FRESH);
    if (sha256(NULL, 0, salted, SALT + size, commit))
        return -1;
    const byte *aad = (byte *)PyBytes_AS_STRING(cipher->aad);
    if (encrypt_init(cipher->ctx, NULL, NULL, NULL, fresh) != 1 ||
        encrypt_update(cipher->ctx, NULL, &done, aad, (int)PyBytes_GET_SIZE(cipher->aad)) != 1 ||
        encrypt_update(cipher->ctx, salted, &done, salted, salted_size) != 1 || done != salted_size ||
        encrypt_final(cipher->ctx, salted + salted_size, &done) != 1 || done != 0 ||
        cipher_ctx_ctrl(cipher->ctx, CTRL_AEAD_GET_TAG, TAG, salted + salted_size) != 1)
        return failed();
    return sha256(NULL, 0, out, NONCE + SALT + size + TAG, ct);
}

/* --- text out of parts: bytes as they are, str in UTF-8, int in decimal; see entry.py, joined_in_python ------------ */

/* The UTF-8 of a string; for ASCII, which nearly all are, without a call. */
static const char *utf8_of(PyObject *text, Py_ssize_t *size) {
    if (!PyUnicode_IS_COMPACT_ASCII(text))
        return PyUnicode_AsUTF8AndSize(text, size);
    *size = PyUnicode_GET_LENGTH(text);
    return PyUnicode_DATA(text);
}

/* What a tuple or list of parts needs at most, -1 with an exception. */
static Py_ssize_t most_of(PyObject *parts) {
    if (!PyTuple_Check(parts) && !PyList_Check(parts)) {
        PyErr_SetString(PyExc_TypeError, "parts are a tuple or a list");
        return -1;
    }
    Py_ssize_t total = 0, size = 0, count = PySequence_Fast_GET_SIZE(parts);
    for (Py_ssize_t i = 0; i < count; i++) { /* an empty list has no items to point at */
        PyObject *part = PySequence_Fast_GET_ITEM(parts, i);
        if (PyBytes_Check(part)) {
            total += PyBytes_GET_SIZE(part);
        } else if (PyLong_CheckExact(part)) {
            total += DIGITS;
        } else if (!PyUnicode_Check(part)) {
            PyErr_SetString(PyExc_TypeError, "a part is bytes, str or int");
            return -1;
        } else if (!utf8_of(part, &size)) {
            return -1;
        } else {
            total += size;
        }
    }
    return total;
}

/* Write parts of which most_of was asked; NULL with an exception for an integer beyond 64 bits. */
static byte *put_parts(byte *at, PyObject *parts) {
    Py_ssize_t count = PySequence_Fast_GET_SIZE(parts);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *part = PySequence_Fast_GET_ITEM(parts, i);
        if (PyBytes_Check(part)) {
            at = put_bytes(at, part);
        } else if (PyLong_CheckExact(part)) {
            long long value = PyLong_AsLongLong(part);
            if (value == -1 && PyErr_Occurred())
                return NULL;
            at = put_int(at, value);
        } else {
            Py_ssize_t size;
            const char *text = utf8_of(part, &size); /* which most_of made */
            at = put(at, text, (size_t)size);
        }
    }
    return at;
}

/* A bytes object of which only what stands before `end` was used; NULL for NULL. */
static PyObject *cut(PyObject *made, const byte *end) {
    if (made && !end)
        Py_CLEAR(made);
    if (made)
        _PyBytes_Resize(&made, end - (byte *)PyBytes_AS_STRING(made)); /* which sets it to NULL if it fails */
    return made;
}

/* joined(parts) -> bytes */
static PyObject *joined(PyObject *module, PyObject *parts) {
    (void)module;
    Py_ssize_t most = most_of(parts);
    PyObject *made = most < 0 ? NULL : PyBytes_FromStringAndSize(NULL, most ? most : 1);
    return made ? cut(made, put_parts((byte *)PyBytes_AS_STRING(made), parts)) : NULL;
}

/* encode_body(sql, binds, types) -> bytes: see entry.py, encode_body_in_python. */
static PyObject *encode_body(PyObject *module, PyObject *const *given, Py_ssize_t count) {
    (void)module;
    if (count != 3 || !PyBytes_Check(given[0]) || !PyBytes_Check(given[1]) || !PyTuple_Check(given[2]))
        return PyErr_Format(PyExc_TypeError, "encode_body(sql: bytes, binds: bytes, types: tuple[int, ...])");
    return body_of(given[0], given[1], given[2]);
}

#include "_batch.h"

/* --- the module -------------------------------------------------------------------------------------------------- */

static PyMethodDef FUNCTIONS[] = {
    {"extend", (PyCFunction)(void (*)(void))extend, METH_FASTCALL, NULL},
    {"joined", joined, METH_O, NULL},
    {"encode_body", (PyCFunction)(void (*)(void))encode_body, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, .m_name = "tidewaiter.ledger._crypto", .m_size = -1, .m_methods = FUNCTIONS,
};

PyMODINIT_FUNC PyInit__crypto(void) {
    make_crc_table();
    if (load() || PyType_Ready(&CIPHER) || PyType_Ready(&BATCH))
        return NULL;
    PyObject *module = PyModule_Create(&MODULE), *appending = PyCapsule_New((void *)&APPENDING, APPENDING_NAME, NULL);
    int failed = !module || !appending || PyModule_AddObjectRef(module, "appending", appending);
    Py_XDECREF(appending);
    if (failed) {
        Py_XDECREF(module);
        return NULL;
    }
    if (module && (PyModule_AddObjectRef(module, "Cipher", (PyObject *)&CIPHER) ||
                   PyModule_AddObjectRef(module, "Batch", (PyObject *)&BATCH))) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
