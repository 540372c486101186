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

/* nonce || AES-256-GCM(salt || plaintext) || tag to `out`, SHA-256 of salt || plaintext and of all that to the others. */
static int seal(const Cipher *cipher, const byte *fresh, PyObject *plaintext, byte *out, byte *commit, byte *ct) {
    size_t size = (size_t)PyBytes_GET_SIZE(plaintext);
    byte *salted = out + NONCE;
    int done, salted_size = (int)(SALT + size);
    memcpy(out, fresh, FRESH);
    memcpy(salted + SALT, PyBytes_AS_STRING(plaintext), size);
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

/* --- frames ------------------------------------------------------------------------------------------------------ */

#define PREFIX 12
#define CHECK 0x7457

/* CRC-32 as zlib's, eight bytes at a time ("slicing-by-8"). */
static uint32_t crc_table[8][256];

static void make_crc_table(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++)
            c = c & 1 ? 0xEDB88320 ^ c >> 1 : c >> 1;
        crc_table[0][i] = c;
    }
    for (int i = 0; i < 256; i++)
        for (int k = 1; k < 8; k++)
            crc_table[k][i] = crc_table[k - 1][i] >> 8 ^ crc_table[0][crc_table[k - 1][i] & 255];
}

static uint32_t crc32(const byte *data, size_t size) {
    uint32_t c = 0xFFFFFFFF;
    for (; size >= 8; data += 8, size -= 8) {
        c ^= data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
        c = crc_table[7][c & 255] ^ crc_table[6][c >> 8 & 255] ^ crc_table[5][c >> 16 & 255] ^ crc_table[4][c >> 24] ^
            crc_table[3][data[4]] ^ crc_table[2][data[5]] ^ crc_table[1][data[6]] ^ crc_table[0][data[7]];
    }
    for (; size; data++, size--)
        c = crc_table[0][(c ^ *data) & 255] ^ c >> 8;
    return ~c;
}

static byte *put_hex(byte *at, const byte *hash) {
    for (int i = 0; i < HASH; i++) {
        *at++ = (byte)"0123456789abcdef"[hash[i] >> 4];
        *at++ = (byte)"0123456789abcdef"[hash[i] & 15];
    }
    return at;
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

/* --- entries ----------------------------------------------------------------------------------------------------- */

/* Batch(): the frames and leaf hashes of entries that are on their way to the disk. See batch.py. */
typedef struct {
    PyObject_HEAD
    byte *frames, *leaves;
    size_t frames_size, frames_room, leaves_size, leaves_room;
} Batch;

#define KEPT (256 << 10) /* of a batch's room, from one to the next */

static void batch_clear(Batch *self) {
    PyMem_Free(self->frames);
    PyMem_Free(self->leaves);
    self->frames = self->leaves = NULL;
    self->frames_size = self->frames_room = self->leaves_size = self->leaves_room = 0;
}

static void batch_dealloc(Batch *self) {
    batch_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* Make room for more bytes in a buffer. */
static int make_room(byte **buffer, size_t *room, size_t needed) {
    if (needed <= *room)
        return 0;
    size_t wanted = needed + needed / 2;
    byte *moved = PyMem_Realloc(*buffer, wanted);
    if (!moved) {
        PyErr_NoMemory();
        return -1;
    }
    *buffer = moved;
    *room = wanted;
    return 0;
}

/* An entry as it is appended. */
typedef struct {
    long long seq, t_ns;
    const char *kind;
    Py_ssize_t kind_size;
    PyObject *late, *members, *member, *body, *fresh;
    Cipher *cipher; /* NULL where the body is sealed already, or none */
} Entry;

static int read_entry(PyObject *const *given, Py_ssize_t count, Entry *entry) {
    if (count != 9 || !PyLong_Check(given[0]) || !PyLong_Check(given[1]) || !PyUnicode_Check(given[2]))
        goto wrong;
    for (int i = 3; i < 9; i++)
        if (i != 7 && !PyBytes_Check(given[i]))
            goto wrong;
    entry->late = given[3];
    entry->members = given[4];
    entry->member = given[5];
    entry->body = given[6];
    entry->cipher = given[7] == Py_None ? NULL : (Cipher *)given[7];
    entry->fresh = given[8];
    if (entry->cipher && (!PyObject_TypeCheck(entry->cipher, &CIPHER) || PyBytes_GET_SIZE(entry->fresh) != FRESH))
        goto wrong;
    entry->seq = PyLong_AsLongLong(given[0]);
    entry->t_ns = PyLong_AsLongLong(given[1]);
    if (PyErr_Occurred())
        return -1;
    entry->kind = utf8_of(given[2], &entry->kind_size);
    return entry->kind ? 0 : -1;
wrong:
    PyErr_SetString(PyExc_TypeError, "add(seq: int, t_ns: int, kind: str, late: bytes, members: bytes, member: bytes, "
                                     "body: bytes, key: Cipher | None, fresh: bytes)");
    return -1;
}

#define HEAD "{\"v\":1,\"seq\":"
#define HEAD_TIME ",\"t_ns\":"
#define HEAD_KIND ",\"kind\":\""

/* What an entry's header needs at most. */
static size_t header_most(const Entry *entry) {
    const Cipher *cipher = entry->cipher;
    Py_ssize_t most = (Py_ssize_t)sizeof HEAD HEAD_TIME HEAD_KIND + 3 * DIGITS + entry->kind_size + 4 +
                      PyBytes_GET_SIZE(entry->late) + PyBytes_GET_SIZE(entry->members) + PyBytes_GET_SIZE(entry->member);
    if (cipher)
        most += PyBytes_GET_SIZE(cipher->before_ct) + PyBytes_GET_SIZE(cipher->before_commit) +
                PyBytes_GET_SIZE(cipher->before_size) + 4 * HASH;
    return (size_t)most;
}

/* Write an entry's frame and leaf hash; return where the frame ends, NULL with an exception. */
static byte *write_entry(const Entry *entry, byte *at, byte *leaf) {
    const Cipher *cipher = entry->cipher;
    size_t size = (size_t)PyBytes_GET_SIZE(entry->body);
    byte *header = at + PREFIX, *end;
    byte *out = put_int(PUT(header, HEAD), entry->seq);
    out = put(PUT(put_int(PUT(out, HEAD_TIME), entry->t_ns), HEAD_KIND), entry->kind, (size_t)entry->kind_size);
    out = put_bytes(PUT(out, "\""), entry->late);
    if (PyBytes_GET_SIZE(entry->members))
        *out++ = ',';
    out = put_bytes(put_bytes(out, entry->members), entry->member);
    if (cipher) {
        byte commit[HASH], ct[HASH], digits[DIGITS];
        size_t digits_size = (size_t)(put_int(digits, (long long)size) - digits);
        byte *ciphertext = out + PyBytes_GET_SIZE(cipher->before_ct) + 2 * HASH +
                           PyBytes_GET_SIZE(cipher->before_commit) + 2 * HASH +
                           PyBytes_GET_SIZE(cipher->before_size) + digits_size + 2;
        if (seal(cipher, (byte *)PyBytes_AS_STRING(entry->fresh), entry->body, ciphertext, commit, ct)) {
            cleanse(ciphertext, NONCE + SALT + size + TAG); /* a plaintext may stand in it */
            return NULL;
        }
        out = put_hex(put_bytes(out, cipher->before_ct), ct);
        out = put_hex(put_bytes(out, cipher->before_commit), commit);
        out = PUT(put(put_bytes(out, cipher->before_size), digits, digits_size), "}}");
        end = out + NONCE + SALT + size + TAG;
    } else {
        *out++ = '}';
        end = put_bytes(out, entry->body);
    }
    uint32_t length = (uint32_t)(end - header), head = (uint32_t)(out - header);
    at = put_big_endian(at, length, 4);
    at = put_big_endian(at, head, 2);
    at = put_big_endian(at, (length & 0xFFFF) ^ length >> 16 ^ head ^ CHECK, 2);
    put_big_endian(at, crc32(header, length), 4);
    return sha256("", 1, header, head, leaf) ? NULL : end;
}

/* add(…) -> bytes that wait. What raises leaves the batch as it was. */
static PyObject *batch_add(Batch *self, PyObject *const *given, Py_ssize_t count) {
    Entry entry;
    if (read_entry(given, count, &entry))
        return NULL;
    size_t most = header_most(&entry), body = (size_t)PyBytes_GET_SIZE(entry.body);
    if (most >= 0xFFFF || body > INT_MAX / 2)
        return PyErr_Format(PyExc_ValueError, "an entry is too long to be framed");
    if (make_room(&self->frames, &self->frames_room, self->frames_size + PREFIX + most + NONCE + SALT + body + TAG) ||
        make_room(&self->leaves, &self->leaves_room, self->leaves_size + HASH))
        return NULL;
    byte *end = write_entry(&entry, self->frames + self->frames_size, self->leaves + self->leaves_size);
    if (!end)
        return NULL;
    self->frames_size = (size_t)(end - self->frames);
    self->leaves_size += HASH;
    return PyLong_FromSize_t(self->frames_size);
}

/* take() -> (frames, leaf hashes), each joined; the batch is empty then. */
static PyObject *batch_take(Batch *self, PyObject *none) {
    (void)none;
    PyObject *taken = Py_BuildValue("(y#y#)", self->frames ? (char *)self->frames : "", (Py_ssize_t)self->frames_size,
                                    self->leaves ? (char *)self->leaves : "", (Py_ssize_t)self->leaves_size);
    if (taken && self->frames_room > KEPT)
        batch_clear(self);
    if (taken)
        self->frames_size = self->leaves_size = 0;
    return taken;
}

static PyMethodDef BATCH_METHODS[] = {
    {"add", (PyCFunction)(void (*)(void))batch_add, METH_FASTCALL, NULL},
    {"take", (PyCFunction)batch_take, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject BATCH = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "tidewaiter.ledger._crypto.Batch",
    .tp_basicsize = sizeof(Batch),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_methods = BATCH_METHODS,
    .tp_new = PyType_GenericNew,
    .tp_dealloc = (destructor)batch_dealloc,
};

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
    PyObject *module = PyModule_Create(&MODULE);
    if (module && (PyModule_AddObjectRef(module, "Cipher", (PyObject *)&CIPHER) ||
                   PyModule_AddObjectRef(module, "Batch", (PyObject *)&BATCH))) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
