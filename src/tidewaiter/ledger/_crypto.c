/* The ledger's hashing in C, with libcrypto's SHA-256.
 *
 * What is computed is defined by tree.py, which does the same job where this module is not: see there. Nothing of SHA is
 * implemented here; libcrypto is the one that Python's _hashlib uses, found when the module is loaded. Without it the
 * import raises ModuleNotFoundError, as it does where the module was not built. A failure of libcrypto raises
 * RuntimeError and is never passed over.
 *
 * Contexts are shared by all callers, who hold the GIL throughout.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <dlfcn.h>

#define HASH 32

/* --- libcrypto, https://docs.openssl.org/3.0/man3/EVP_DigestInit/ ------------------------------------------------ */

static void *(*md_fetch)(void *, const char *, const char *);
static void *(*md_ctx_new)(void);
static int (*digest_init)(void *, const void *, void *);
static int (*digest_update)(void *, const void *, size_t);
static int (*digest_final)(void *, unsigned char *, unsigned int *);

static void *sha256_md, *sha256_ctx;

static const struct {
    const char *name;
    void **to;
} SYMBOLS[] = {
    {"EVP_MD_fetch", (void **)&md_fetch},
    {"EVP_MD_CTX_new", (void **)&md_ctx_new},
    {"EVP_DigestInit_ex", (void **)&digest_init},
    {"EVP_DigestUpdate", (void **)&digest_update},
    {"EVP_DigestFinal_ex", (void **)&digest_final},
};

#ifdef __APPLE__
static const char *const LIBRARIES[] = {"libcrypto.3.dylib"};
#else
static const char *const LIBRARIES[] = {"libcrypto.so.3"};
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
    void *library = NULL;
    for (size_t i = 0; !library && i < sizeof LIBRARIES / sizeof *LIBRARIES; i++)
        library = dlopen(LIBRARIES[i], RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return absent(dlerror());
    for (size_t i = 0; i < sizeof SYMBOLS / sizeof *SYMBOLS; i++)
        if (!(*SYMBOLS[i].to = dlsym(library, SYMBOLS[i].name)))
            return absent(SYMBOLS[i].name);
    sha256_md = md_fetch(NULL, "SHA256", NULL);
    sha256_ctx = md_ctx_new();
    if (!sha256_md || !sha256_ctx || digest_init(sha256_ctx, sha256_md, NULL) != 1)
        return absent("it has no SHA-256");
    return 0;
}

static int failed(void) {
    PyErr_SetString(PyExc_RuntimeError, "libcrypto failed");
    return -1;
}

/* SHA-256 of two stretches of bytes after a byte, into `out`, which may be one of them. */
static int sha256(unsigned char first, const void *a, size_t a_size, const void *b, size_t b_size, unsigned char *out) {
    if (digest_init(sha256_ctx, NULL, NULL) != 1 || digest_update(sha256_ctx, &first, 1) != 1 ||
        digest_update(sha256_ctx, a, a_size) != 1 || (b_size && digest_update(sha256_ctx, b, b_size) != 1) ||
        digest_final(sha256_ctx, out, NULL) != 1)
        return failed();
    return 0;
}

/* --- the tree ---------------------------------------------------------------------------------------------------- */

#define LEVELS 64

/* extend(size, edge, entries) -> (edge, stored): see tree.py, Tree.append. */
static PyObject *extend(PyObject *module, PyObject *const *given, Py_ssize_t count) {
    (void)module;
    if (count != 3 || !PyBytes_Check(given[1]) || !PyList_Check(given[2]))
        return PyErr_Format(PyExc_TypeError, "extend(size: int, edge: bytes, entries: list[bytes])");
    unsigned long long size = PyLong_AsUnsignedLongLong(given[0]);
    if (size == (unsigned long long)-1 && PyErr_Occurred())
        return NULL;
    PyObject *entries = given[2];
    Py_ssize_t more = PyList_GET_SIZE(entries);
    int edges = __builtin_popcountll(size);
    if (PyBytes_GET_SIZE(given[1]) != edges * HASH || size > (1ULL << 62) - (unsigned long long)more)
        return PyErr_Format(PyExc_ValueError, "the edge is not one of a tree of %llu entries", size);
    unsigned char edge[LEVELS][HASH];
    memcpy(edge, PyBytes_AS_STRING(given[1]), (size_t)edges * HASH);
    unsigned long long end = size + (unsigned long long)more;
    Py_ssize_t hashes = 2 * more - (__builtin_popcountll(end) - edges);
    PyObject *stored = PyBytes_FromStringAndSize(NULL, hashes * HASH);
    if (!stored)
        return NULL;
    unsigned char *out = (unsigned char *)PyBytes_AS_STRING(stored);
    for (Py_ssize_t i = 0; i < more; i++) {
        PyObject *entry = PyList_GET_ITEM(entries, i);
        if (!PyBytes_Check(entry)) {
            PyErr_SetString(PyExc_TypeError, "an entry is bytes");
            goto error;
        }
        if (sha256(0, PyBytes_AS_STRING(entry), (size_t)PyBytes_GET_SIZE(entry), NULL, 0, out))
            goto error;
        out += HASH;
        for (unsigned long long n = size; n & 1; n >>= 1) {
            if (sha256(1, edge[--edges], HASH, out - HASH, HASH, out))
                goto error;
            out += HASH;
        }
        memcpy(edge[edges++], out - HASH, HASH);
        size++;
    }
    return Py_BuildValue("(y#N)", (char *)edge, (Py_ssize_t)edges * HASH, stored);
error:
    Py_DECREF(stored);
    return NULL;
}

static PyMethodDef FUNCTIONS[] = {
    {"extend", (PyCFunction)(void (*)(void))extend, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, .m_name = "tidewaiter.ledger._crypto", .m_size = -1, .m_methods = FUNCTIONS,
};

PyMODINIT_FUNC PyInit__crypto(void) {
    return load() ? NULL : PyModule_Create(&MODULE);
}
