/* libcrypto's SHA-256 and AES-256-GCM: the library that Python's _hashlib uses, found when a module is loaded.
 *
 * Functions: https://docs.openssl.org/3.0/man3/EVP_DigestInit/ and EVP_EncryptInit/. */

#ifndef TIDEWAITER_LIBCRYPTO_H
#define TIDEWAITER_LIBCRYPTO_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <dlfcn.h>

#include "_put.h"

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

#endif
