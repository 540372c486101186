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
#include <dlfcn.h>
#include <limits.h>

#define HASH 32
#define NONCE 12
#define SALT 32
#define TAG 16
#define FRESH (NONCE + SALT)

typedef unsigned char byte;

/* --- libcrypto, https://docs.openssl.org/3.0/man3/EVP_DigestInit/ and EVP_EncryptInit/ ---------------------------- */

static void *(*md_fetch)(void *, const char *, const char *);
static void *(*md_ctx_new)(void);
static int (*digest_init)(void *, const void *, void *);
static int (*digest_update)(void *, const void *, size_t);
static int (*digest_final)(void *, byte *, unsigned int *);
static void *(*cipher_fetch)(void *, const char *, const char *);
static void *(*cipher_ctx_new)(void);
static void (*cipher_ctx_free)(void *);
static int (*cipher_ctx_ctrl)(void *, int, int, void *);
static int (*encrypt_init)(void *, const void *, void *, const byte *, const byte *);
static int (*encrypt_update)(void *, byte *, int *, const byte *, int);
static int (*encrypt_final)(void *, byte *, int *);
static void (*cleanse)(void *, size_t);

#define CTRL_AEAD_GET_TAG 0x10

static void *sha256_md, *sha256_ctx, *aes_256_gcm;

static const struct {
    const char *name;
    void **to;
} SYMBOLS[] = {
    {"EVP_MD_fetch", (void **)&md_fetch},
    {"EVP_MD_CTX_new", (void **)&md_ctx_new},
    {"EVP_DigestInit_ex", (void **)&digest_init},
    {"EVP_DigestUpdate", (void **)&digest_update},
    {"EVP_DigestFinal_ex", (void **)&digest_final},
    {"EVP_CIPHER_fetch", (void **)&cipher_fetch},
    {"EVP_CIPHER_CTX_new", (void **)&cipher_ctx_new},
    {"EVP_CIPHER_CTX_free", (void **)&cipher_ctx_free},
    {"EVP_CIPHER_CTX_ctrl", (void **)&cipher_ctx_ctrl},
    {"EVP_EncryptInit_ex", (void **)&encrypt_init},
    {"EVP_EncryptUpdate", (void **)&encrypt_update},
    {"EVP_EncryptFinal_ex", (void **)&encrypt_final},
    {"OPENSSL_cleanse", (void **)&cleanse},
};

#ifdef __APPLE__
#define LIBCRYPTO "libcrypto.3.dylib"
#else
#define LIBCRYPTO "libcrypto.so.3"
#endif

static int absent(const char *what) {
    PyErr_Format(PyExc_ModuleNotFoundError, "libcrypto 3 cannot be used: %s", what);
    return -1;
}

/* Find libcrypto, prepare what every call uses. The library stays loaded for the process's life. */
static int load(void) {
    PyObject *hashlib = PyImport_ImportModule("_hashlib"); /* so that its libcrypto is the one that is found by name */
    if (!hashlib)
        return -1;
    Py_DECREF(hashlib);
    void *library = dlopen(LIBCRYPTO, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return absent(dlerror());
    for (size_t i = 0; i < sizeof SYMBOLS / sizeof *SYMBOLS; i++)
        if (!(*SYMBOLS[i].to = dlsym(library, SYMBOLS[i].name)))
            return absent(SYMBOLS[i].name);
    sha256_md = md_fetch(NULL, "SHA256", NULL);
    sha256_ctx = md_ctx_new();
    if (!sha256_md || !sha256_ctx || digest_init(sha256_ctx, sha256_md, NULL) != 1)
        return absent("it has no SHA-256");
    aes_256_gcm = cipher_fetch(NULL, "AES-256-GCM", NULL);
    return aes_256_gcm ? 0 : absent("it has no AES-256-GCM");
}

static int failed(void) {
    PyErr_SetString(PyExc_RuntimeError, "libcrypto failed");
    return -1;
}

/* SHA-256 of a prefix, which may be empty, and bytes. */
static int sha256(const void *prefix, size_t prefix_size, const void *data, size_t size, byte *out) {
    if (digest_init(sha256_ctx, NULL, NULL) != 1 ||
        (prefix_size && digest_update(sha256_ctx, prefix, prefix_size) != 1) ||
        digest_update(sha256_ctx, data, size) != 1 || digest_final(sha256_ctx, out, NULL) != 1)
        return failed();
    return 0;
}

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

static byte *put(byte *at, const void *data, size_t size) {
    memcpy(at, data, size);
    return at + size;
}

static byte *put_bytes(byte *at, PyObject *data) {
    return put(at, PyBytes_AS_STRING(data), (size_t)PyBytes_GET_SIZE(data));
}

static byte *put_hex(byte *at, const byte *hash) {
    for (int i = 0; i < HASH; i++) {
        *at++ = (byte)"0123456789abcdef"[hash[i] >> 4];
        *at++ = (byte)"0123456789abcdef"[hash[i] & 15];
    }
    return at;
}

static byte *put_big_endian(byte *at, uint32_t value, int size) {
    while (size--)
        *at++ = (byte)(value >> 8 * size);
    return at;
}

/* --- text out of parts: bytes as they are, str in UTF-8, int in decimal; see entry.py, joined_in_python ------------ */

#define DIGITS 20

static byte *put_int(byte *at, long long value) {
    char reversed[DIGITS];
    unsigned long long rest = value < 0 ? 0 - (unsigned long long)value : (unsigned long long)value;
    int size = 0;
    do
        reversed[size++] = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0)
        *at++ = '-';
    while (size)
        *at++ = (byte)reversed[--size];
    return at;
}

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
    PyObject **part = PySequence_Fast_ITEMS(parts), **end = part + PySequence_Fast_GET_SIZE(parts);
    Py_ssize_t total = 0, size = 0;
    for (; part < end; part++) {
        if (PyBytes_Check(*part)) {
            total += PyBytes_GET_SIZE(*part);
        } else if (PyLong_CheckExact(*part)) {
            total += DIGITS;
        } else if (!PyUnicode_Check(*part)) {
            PyErr_SetString(PyExc_TypeError, "a part is bytes, str or int");
            return -1;
        } else if (!utf8_of(*part, &size)) {
            return -1;
        } else {
            total += size;
        }
    }
    return total;
}

/* Write parts of which most_of was asked; NULL with an exception for an integer beyond 64 bits. */
static byte *put_parts(byte *at, PyObject *parts) {
    PyObject **part = PySequence_Fast_ITEMS(parts), **end = part + PySequence_Fast_GET_SIZE(parts);
    for (; part < end; part++) {
        if (PyBytes_Check(*part)) {
            at = put_bytes(at, *part);
        } else if (PyLong_CheckExact(*part)) {
            long long value = PyLong_AsLongLong(*part);
            if (value == -1 && PyErr_Occurred())
                return NULL;
            at = put_int(at, value);
        } else {
            Py_ssize_t size;
            const char *text = utf8_of(*part, &size); /* which most_of made */
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
    Py_ssize_t sql = PyBytes_GET_SIZE(given[0]), binds = PyBytes_GET_SIZE(given[1]), types = PyTuple_GET_SIZE(given[2]);
    if (sql > UINT32_MAX || binds > UINT32_MAX || types > UINT32_MAX / 4)
        return PyErr_Format(PyExc_OverflowError, "a body's section is longer than its length can say");
    PyObject *made = PyBytes_FromStringAndSize(NULL, 6 + sql + (binds ? 5 + binds : 0) + (types ? 5 + 4 * types : 0));
    if (!made)
        return NULL;
    byte *at = put((byte *)PyBytes_AS_STRING(made), "\x01S", 2);
    at = put_bytes(put_big_endian(at, (uint32_t)sql, 4), given[0]);
    if (binds) {
        *at++ = 'B';
        at = put_bytes(put_big_endian(at, (uint32_t)binds, 4), given[1]);
    }
    if (types) {
        *at++ = 'T';
        at = put_big_endian(at, (uint32_t)(4 * types), 4);
    }
    for (Py_ssize_t i = 0; i < types; i++) {
        unsigned long oid = PyLong_AsUnsignedLong(PyTuple_GET_ITEM(given[2], i));
        if (oid > UINT32_MAX) {
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_OverflowError, "a type OID has 32 bits");
            Py_DECREF(made);
            return NULL;
        }
        at = put_big_endian(at, (uint32_t)oid, 4);
    }
    return made;
}

/* --- entries ----------------------------------------------------------------------------------------------------- */

/* One entry of a batch, see batch.py: (parts, body or ciphertext, Cipher or None, nonce and salt). */
typedef struct {
    PyObject *parts, *body, *fresh;
    Cipher *cipher;
} Pending;

/* What an entry's frame needs at most, -1 with an exception. */
static Py_ssize_t look_at(PyObject *told, Pending *entry) {
    if (!PyTuple_Check(told) || PyTuple_GET_SIZE(told) != 4)
        goto wrong;
    entry->parts = PyTuple_GET_ITEM(told, 0);
    entry->body = PyTuple_GET_ITEM(told, 1);
    entry->cipher = (Cipher *)PyTuple_GET_ITEM(told, 2);
    entry->fresh = PyTuple_GET_ITEM(told, 3);
    if (!PyBytes_Check(entry->body) || !PyBytes_Check(entry->fresh))
        goto wrong;
    Py_ssize_t most = most_of(entry->parts);
    if (most < 0)
        return -1;
    if ((PyObject *)entry->cipher == Py_None) {
        entry->cipher = NULL;
    } else {
        if (!PyObject_TypeCheck(entry->cipher, &CIPHER) || PyBytes_GET_SIZE(entry->fresh) != FRESH)
            goto wrong;
        most += PyBytes_GET_SIZE(entry->cipher->before_ct) + PyBytes_GET_SIZE(entry->cipher->before_commit) +
                PyBytes_GET_SIZE(entry->cipher->before_size) + 4 * HASH + DIGITS + 1;
    }
    if (most >= 0xFFFF || PyBytes_GET_SIZE(entry->body) > INT_MAX / 2) {
        PyErr_SetString(PyExc_ValueError, "an entry is too long to be framed");
        return -1;
    }
    return PREFIX + most + 1 + NONCE + SALT + PyBytes_GET_SIZE(entry->body) + TAG;
wrong:
    PyErr_SetString(PyExc_TypeError, "an entry is (parts, bytes, Cipher | None, bytes)");
    return -1;
}

/* Write an entry's frame and leaf hash; return where the next frame begins, NULL with an exception. */
static byte *write_entry(const Pending *entry, byte *at, byte *leaf) {
    const Cipher *cipher = entry->cipher;
    size_t size = (size_t)PyBytes_GET_SIZE(entry->body);
    byte *header = at + PREFIX, *out = put_parts(header, entry->parts), *end;
    if (!out)
        return NULL;
    if (cipher) {
        byte commit[HASH], ct[HASH], digits[DIGITS];
        size_t digits_size = (size_t)(put_int(digits, (long long)size) - digits);
        byte *ciphertext = out + PyBytes_GET_SIZE(cipher->before_ct) + 2 * HASH +
                           PyBytes_GET_SIZE(cipher->before_commit) + 2 * HASH +
                           PyBytes_GET_SIZE(cipher->before_size) + digits_size + 2;
        if (seal(cipher, (byte *)PyBytes_AS_STRING(entry->fresh), entry->body, ciphertext, commit, ct))
            return NULL;
        out = put_hex(put_bytes(out, cipher->before_ct), ct);
        out = put_hex(put_bytes(out, cipher->before_commit), commit);
        out = put(put_bytes(out, cipher->before_size), digits, digits_size);
        out = put(out, "}}", 2);
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

/* finish(entries) -> (frames, leaf hashes), each joined: see batch.py. */
static PyObject *finish(PyObject *module, PyObject *entries) {
    (void)module;
    if (!PyList_Check(entries))
        return PyErr_Format(PyExc_TypeError, "finish(entries: list)");
    Py_ssize_t count = PyList_GET_SIZE(entries), most = 1;
    Pending entry;
    for (Py_ssize_t i = 0; i < count; i++) {
        Py_ssize_t one = look_at(PyList_GET_ITEM(entries, i), &entry);
        if (one < 0)
            return NULL;
        most += one;
    }
    PyObject *frames = PyBytes_FromStringAndSize(NULL, most);
    PyObject *leaves = PyBytes_FromStringAndSize(NULL, count * HASH);
    byte *at = frames && leaves ? (byte *)PyBytes_AS_STRING(frames) : NULL;
    byte *leaf = leaves ? (byte *)PyBytes_AS_STRING(leaves) : NULL;
    for (Py_ssize_t i = 0; at && i < count; i++, leaf += HASH)
        at = look_at(PyList_GET_ITEM(entries, i), &entry) < 0 ? NULL : write_entry(&entry, at, leaf);
    if (frames && !at)
        cleanse(PyBytes_AS_STRING(frames), (size_t)most); /* a plaintext may stand in it */
    frames = cut(frames, at);
    if (frames)
        return Py_BuildValue("(NN)", frames, leaves);
    Py_XDECREF(leaves);
    return NULL;
}

/* --- the module -------------------------------------------------------------------------------------------------- */

static PyMethodDef FUNCTIONS[] = {
    {"extend", (PyCFunction)(void (*)(void))extend, METH_FASTCALL, NULL},
    {"finish", finish, METH_O, NULL},
    {"joined", joined, METH_O, NULL},
    {"encode_body", (PyCFunction)(void (*)(void))encode_body, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, .m_name = "tidewaiter.ledger._crypto", .m_size = -1, .m_methods = FUNCTIONS,
};

PyMODINIT_FUNC PyInit__crypto(void) {
    make_crc_table();
    if (load() || PyType_Ready(&CIPHER))
        return NULL;
    PyObject *module = PyModule_Create(&MODULE);
    if (module && PyModule_AddObjectRef(module, "Cipher", (PyObject *)&CIPHER)) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
