/* The batch of a ledger: entries on their way to the disk, sealed, framed and hashed as they are appended. See batch.py.
 *
 * A part of _crypto.c, whose Cipher and texts it uses. */

#ifndef TIDEWAITER_BATCH_H
#define TIDEWAITER_BATCH_H

#include "_append.h"

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

/* --- entries ----------------------------------------------------------------------------------------------------- */

/* Batch(clock_ns): the frames and leaf hashes of entries that are on their way to the disk, their numbers and times. See
 * batch.py. What it was granted lets the lane append by itself: `cipher` is NULL while nothing is. */
typedef struct {
    PyObject_HEAD
    byte *frames, *leaves;
    size_t frames_size, frames_room, leaves_size, leaves_room;
    long long size, t_ns;
    PyObject *clock_ns; /* None for the system's */
    Cipher *cipher;
    PyObject *fresh; /* for so many bodies, of which those before `fresh_at` have theirs */
    Py_ssize_t fresh_at;
    long long until_ns;
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
    Py_XDECREF(self->clock_ns);
    Py_XDECREF(self->cipher);
    Py_XDECREF(self->fresh);
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

#define HEAD "{\"v\":1,\"seq\":"
#define HEAD_TIME ",\"t_ns\":"
#define HEAD_KIND ",\"kind\":\""

/* Make room for an entry of so many bytes between its kind and the member that tells of its body, and for the body. */
static int reserve(Batch *self, size_t members, const Cipher *cipher, size_t body) {
    size_t most = sizeof HEAD HEAD_TIME HEAD_KIND + 3 * DIGITS + members;
    if (cipher)
        most += (size_t)(PyBytes_GET_SIZE(cipher->before_ct) + PyBytes_GET_SIZE(cipher->before_commit) +
                         PyBytes_GET_SIZE(cipher->before_size) + 4 * HASH);
    if (most >= 0xFFFF || body > INT_MAX / 2) {
        PyErr_Format(PyExc_ValueError, "an entry is too long to be framed");
        return -1;
    }
    size_t needed = self->frames_size + PREFIX + most + NONCE + SALT + body + TAG;
    return make_room(&self->frames, &self->frames_room, needed) ||
                   make_room(&self->leaves, &self->leaves_room, self->leaves_size + HASH)
               ? -1
               : 0;
}

/* Begin an entry up to its kind; return where its members come. */
static byte *put_head(Batch *self, long long seq, long long t_ns, const char *kind, size_t kind_size) {
    byte *at = PUT(self->frames + self->frames_size + PREFIX, HEAD);
    at = PUT(put_int(PUT(put_int(at, seq), HEAD_TIME), t_ns), HEAD_KIND);
    return PUT(put(at, kind, kind_size), "\"");
}

/* Where the plaintext of a body of that size has its place, behind members that end at `out`. */
static byte *place_of(const Cipher *cipher, byte *out, size_t size) {
    byte digits[DIGITS];
    return out + PyBytes_GET_SIZE(cipher->before_ct) + 2 * HASH + PyBytes_GET_SIZE(cipher->before_commit) + 2 * HASH +
           PyBytes_GET_SIZE(cipher->before_size) + (put_int(digits, (long long)size) - digits) + 2 + NONCE + SALT;
}

/* Seal the plaintext that has its place already, and tell of it where the members end: the end of the header, NULL with
 * an exception. */
static byte *put_sealed(const Cipher *cipher, const byte *fresh, byte *out, size_t size) {
    byte commit[HASH], ct[HASH], *ciphertext = place_of(cipher, out, size) - NONCE - SALT;
    if (seal(cipher, fresh, size, ciphertext, commit, ct)) {
        cleanse(ciphertext, NONCE + SALT + size + TAG); /* a plaintext may stand in it */
        return NULL;
    }
    out = put_hex(put_bytes(out, cipher->before_ct), ct);
    out = put_hex(put_bytes(out, cipher->before_commit), commit);
    return PUT(put_int(put_bytes(out, cipher->before_size), (long long)size), "}}");
}

/* Frame an entry that is there from its head to its body's end, and hash its header; it is appended then. */
static int frame(Batch *self, const byte *header_end, const byte *end, long long seq, long long t_ns) {
    byte *at = self->frames + self->frames_size, *header = at + PREFIX;
    uint32_t length = (uint32_t)(end - header), head = (uint32_t)(header_end - header);
    at = put_big_endian(at, length, 4);
    at = put_big_endian(at, head, 2);
    at = put_big_endian(at, (length & 0xFFFF) ^ length >> 16 ^ head ^ CHECK, 2);
    put_big_endian(at, crc32(header, length), 4);
    if (sha256("", 1, header, head, self->leaves + self->leaves_size))
        return -1;
    self->frames_size = (size_t)(end - self->frames);
    self->leaves_size += HASH;
    self->size = seq + 1;
    self->t_ns = t_ns;
    return 0;
}

/* add(seq, t_ns, kind, late, members, member, body, key, fresh) -> bytes that wait. What raises leaves the batch as it was. */
static PyObject *batch_add(Batch *self, PyObject *const *given, Py_ssize_t count) {
    int is_right = count == 9 && PyLong_Check(given[0]) && PyLong_Check(given[1]) && PyUnicode_Check(given[2]);
    for (int i = 3; is_right && i < 9; i++)
        is_right = i == 7 || PyBytes_Check(given[i]);
    Cipher *cipher = is_right && given[7] != Py_None ? (Cipher *)given[7] : NULL;
    if (!is_right || (cipher && (!PyObject_TypeCheck(cipher, &CIPHER) || PyBytes_GET_SIZE(given[8]) != FRESH)))
        return PyErr_Format(PyExc_TypeError, "add(seq: int, t_ns: int, kind: str, late: bytes, members: bytes, member: bytes, "
                                             "body: bytes, key: Cipher | None, fresh: bytes)");
    PyObject *late = given[3], *members = given[4], *member = given[5], *body = given[6];
    long long seq = PyLong_AsLongLong(given[0]), t_ns = PyLong_AsLongLong(given[1]);
    if (PyErr_Occurred())
        return NULL;
    if (seq == LLONG_MAX)
        return PyErr_Format(PyExc_OverflowError, "no number comes after this entry's");
    Py_ssize_t kind_size;
    const char *kind = utf8_of(given[2], &kind_size);
    size_t body_size = (size_t)PyBytes_GET_SIZE(body);
    if (!kind || reserve(self, (size_t)(kind_size + PyBytes_GET_SIZE(late) + PyBytes_GET_SIZE(members) + PyBytes_GET_SIZE(member)),
                         cipher, body_size))
        return NULL;
    byte *out = put_bytes(put_head(self, seq, t_ns, kind, (size_t)kind_size), late), *end;
    if (PyBytes_GET_SIZE(members))
        *out++ = ',';
    out = put_bytes(put_bytes(out, members), member);
    if (cipher) {
        end = put_bytes(place_of(cipher, out, body_size), body) + TAG;
        out = put_sealed(cipher, (byte *)PyBytes_AS_STRING(given[8]), out, body_size);
    } else {
        *out++ = '}';
        end = put_bytes(out, body);
    }
    return !out || frame(self, out, end, seq, t_ns) ? NULL : PyLong_FromSize_t(self->frames_size);
}

/* --- entries that the lane appends: see _append.h ------------------------------------------------------------------ */

static int now_ns(const Batch *self, long long *at) {
    if (self->clock_ns == Py_None) {
        struct timespec now; /* which cannot fail for this clock */
        clock_gettime(CLOCK_REALTIME, &now);
        *at = (long long)now.tv_sec * 1000000000 + now.tv_nsec;
        return 0;
    }
    PyObject *now = PyObject_CallNoArgs(self->clock_ns);
    *at = now ? PyLong_AsLongLong(now) : -1;
    Py_XDECREF(now);
    return PyErr_Occurred() ? -1 : 0;
}

static byte *batch_begin(PyObject *batch, Begun *begun, const char *kind, size_t kind_size, size_t members, size_t body) {
    Batch *self = (Batch *)batch;
    if (!self->cipher || members > MEMBERS_MOST || body > INLINE_MOST || self->frames_size > WAITING_MOST ||
        self->fresh_at + FRESH > PyBytes_GET_SIZE(self->fresh))
        return NULL;
    if (now_ns(self, &begun->t_ns) || reserve(self, kind_size + 1 + members, self->cipher, body)) {
        PyErr_Clear(); /* it comes up again where the entry is appended the long way */
        return NULL;
    }
    if (begun->t_ns < self->t_ns || begun->t_ns >= self->until_ns)
        return NULL;
    return PUT(put_head(self, self->size, begun->t_ns, kind, kind_size), ",");
}

static byte *batch_body(PyObject *batch, byte *members_end, size_t size) {
    return place_of(((Batch *)batch)->cipher, members_end, size);
}

static int batch_append(PyObject *batch, const Begun *begun, byte *members_end, size_t size) {
    Batch *self = (Batch *)batch;
    const byte *fresh = (byte *)PyBytes_AS_STRING(self->fresh) + self->fresh_at;
    const byte *end = place_of(self->cipher, members_end, size) + size + TAG;
    self->fresh_at += FRESH; /* used, whatever becomes of it */
    byte *header_end = put_sealed(self->cipher, fresh, members_end, size);
    if (header_end && !frame(self, header_end, end, self->size, begun->t_ns))
        return 0;
    PyErr_Clear();
    return -1;
}

static const Appending APPENDING = {batch_begin, batch_body, batch_append};

/* grant(key, until_ns, fresh): let entries with a body be appended from C until then, fresh randomness permitting. */
static PyObject *batch_grant(Batch *self, PyObject *given) {
    PyObject *cipher, *fresh;
    long long until_ns;
    if (!PyArg_ParseTuple(given, "O!LS", &CIPHER, &cipher, &until_ns, &fresh))
        return NULL;
    Py_XSETREF(self->cipher, (Cipher *)Py_NewRef(cipher));
    Py_XSETREF(self->fresh, Py_NewRef(fresh));
    self->fresh_at = 0;
    self->until_ns = until_ns;
    Py_RETURN_NONE;
}

/* withdraw(): nothing more is appended from C. */
static PyObject *batch_withdraw(Batch *self, PyObject *none) {
    (void)none;
    Py_CLEAR(self->cipher);
    Py_CLEAR(self->fresh);
    Py_RETURN_NONE;
}

static PyObject *batch_is_spent(Batch *self, void *none) {
    (void)none;
    return PyBool_FromLong(!self->cipher || self->fresh_at + FRESH > PyBytes_GET_SIZE(self->fresh));
}

/* reset(size, t_ns): nothing waits, nothing is granted, and so many entries are there. */
static PyObject *batch_reset(Batch *self, PyObject *given) {
    if (!PyArg_ParseTuple(given, "LL", &self->size, &self->t_ns))
        return NULL;
    batch_clear(self);
    return batch_withdraw(self, NULL);
}

static PyObject *batch_make(PyTypeObject *type, PyObject *given, PyObject *named) {
    PyObject *clock_ns = Py_None;
    if ((named && PyDict_GET_SIZE(named)) || !PyArg_ParseTuple(given, "|O", &clock_ns)) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_TypeError, "Batch takes no named arguments");
        return NULL;
    }
    Batch *self = (Batch *)type->tp_alloc(type, 0);
    if (self)
        self->clock_ns = Py_NewRef(clock_ns);
    return (PyObject *)self;
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
    {"grant", (PyCFunction)batch_grant, METH_VARARGS, NULL},
    {"withdraw", (PyCFunction)batch_withdraw, METH_NOARGS, NULL},
    {"reset", (PyCFunction)batch_reset, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef BATCH_MEMBERS[] = {
    {"size", T_LONGLONG, offsetof(Batch, size), READONLY, NULL},
    {"t_ns", T_LONGLONG, offsetof(Batch, t_ns), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef BATCH_GETTERS[] = {
    {"is_spent", (getter)batch_is_spent, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyTypeObject BATCH = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "tidewaiter.ledger._crypto.Batch",
    .tp_basicsize = sizeof(Batch),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_methods = BATCH_METHODS,
    .tp_members = BATCH_MEMBERS,
    .tp_getset = BATCH_GETTERS,
    .tp_new = batch_make,
    .tp_dealloc = (destructor)batch_dealloc,
};

#endif
