/* Mask whole DataRow messages in one call: the fast form of MaskPlan.apply in plan.py, which defines the result.
 *
 * Each masked column has a recipe, as LateMask.recipe in late.py writes it, and the Python mask itself. A value that the
 * recipe does not cover (an odd date, an integer of an odd size) goes to the Python mask, whose result or exception is
 * final. Rows that are not as described are declined as a whole: Python then says what is wrong with them. Nothing that
 * was masked before either leaves, since the masked bytes are handed out only at the end.
 *
 * The keyed digest is BLAKE2b with a key (RFC 7693), the same as hashlib.blake2b(value, key=key, digest_size=n). The key
 * fills the first block, so its compression is done once per column. Message format:
 * https://www.postgresql.org/docs/current/protocol-message-formats.html (DataRow).
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* -- bytes ------------------------------------------------------------------------------------------------------- */

static inline uint64_t big_endian(const uint8_t *at, int size)
{
    uint64_t number = 0;
    for (int i = 0; i < size; i++)
        number = number << 8 | at[i];
    return number;
}

static inline void put_big_endian(uint8_t *at, uint64_t number, int size)
{
    for (int i = size - 1; i >= 0; i--, number >>= 8)
        at[i] = (uint8_t)number;
}

static inline uint64_t little_endian(const uint8_t *at)
{
    return (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 | (uint64_t)at[3] << 24
           | (uint64_t)at[4] << 32 | (uint64_t)at[5] << 40 | (uint64_t)at[6] << 48 | (uint64_t)at[7] << 56;
}

/* -- BLAKE2b, RFC 7693 --------------------------------------------------------------------------------------------- */

enum { BLOCK = 128, KEY_MOST = 64, DIGEST_MOST = 64 };

static const uint64_t IV[8] = { /* section 2.6: those of SHA-512 */
    0x6a09e667f3bcc908u, 0xbb67ae8584caa73bu, 0x3c6ef372fe94f82bu, 0xa54ff53a5f1d36f1u,
    0x510e527fade682d1u, 0x9b05688c2b3e6c1fu, 0x1f83d9abfb41bd6bu, 0x5be0cd19137e2179u,
};

static inline uint64_t rotated(uint64_t word, int by)
{
    return word >> by | word << (64 - by);
}

/* Section 3.1: mix two words of the message into four of the state. */
#define MIX(a, b, c, d, x, y)                   \
    do {                                        \
        a = a + b + (x), d = rotated(d ^ a, 32); \
        c = c + d, b = rotated(b ^ c, 24);      \
        a = a + b + (y), d = rotated(d ^ a, 16); \
        c = c + d, b = rotated(b ^ c, 63);      \
    } while (0)

/* A round of section 3.2 with one line of the table of section 2.7; constants, so that words stay in registers. */
#define ROUND(s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15) \
    do {                                                                            \
        MIX(v[0], v[4], v[8], v[12], m[s0], m[s1]);                                 \
        MIX(v[1], v[5], v[9], v[13], m[s2], m[s3]);                                 \
        MIX(v[2], v[6], v[10], v[14], m[s4], m[s5]);                                \
        MIX(v[3], v[7], v[11], v[15], m[s6], m[s7]);                                \
        MIX(v[0], v[5], v[10], v[15], m[s8], m[s9]);                                \
        MIX(v[1], v[6], v[11], v[12], m[s10], m[s11]);                              \
        MIX(v[2], v[7], v[8], v[13], m[s12], m[s13]);                               \
        MIX(v[3], v[4], v[9], v[14], m[s14], m[s15]);                               \
    } while (0)

static void compress(uint64_t h[8], const uint8_t *block, uint64_t count, int is_last)
{
    uint64_t v[16], m[16];
    for (int i = 0; i < 8; i++) {
        v[i] = h[i];
        v[i + 8] = IV[i];
    }
    for (int i = 0; i < 16; i++)
        m[i] = little_endian(block + 8 * i);
    v[12] ^= count; /* the high word stays 0: a value is shorter than 2**64 */
    if (is_last)
        v[14] = ~v[14];
    ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    ROUND(14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3);
    ROUND(11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4);
    ROUND(7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8);
    ROUND(9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13);
    ROUND(2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9);
    ROUND(12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11);
    ROUND(13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10);
    ROUND(6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5);
    ROUND(10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0);
    ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    ROUND(14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3);
    for (int i = 0; i < 8; i++)
        h[i] ^= v[i] ^ v[i + 8];
}

typedef struct {
    uint64_t first[8], keyed[8]; /* before and after the block with the key */
    uint8_t key[BLOCK];
    int size; /* of the digest */
} Keyed;

static void keyed_init(Keyed *keyed, const uint8_t *key, int key_size, int size)
{
    memset(keyed->key, 0, BLOCK);
    memcpy(keyed->key, key, (size_t)key_size);
    memcpy(keyed->first, IV, sizeof IV);
    keyed->first[0] ^= 0x01010000u ^ (uint64_t)key_size << 8 ^ (uint64_t)size; /* section 2.8 */
    memcpy(keyed->keyed, keyed->first, sizeof IV);
    compress(keyed->keyed, keyed->key, BLOCK, 0);
    keyed->size = size;
}

static void digest(const Keyed *keyed, const uint8_t *value, size_t size, uint8_t *out)
{
    uint64_t h[8], count = BLOCK;
    if (size == 0) { /* the key's block is the last */
        memcpy(h, keyed->first, sizeof h);
        compress(h, keyed->key, count, 1);
    } else {
        uint8_t last[BLOCK] = {0};
        memcpy(h, keyed->keyed, sizeof h);
        for (; size > BLOCK; size -= BLOCK, value += BLOCK)
            compress(h, value, count += BLOCK, 0);
        memcpy(last, value, size);
        compress(h, last, count + size, 1);
    }
    for (int i = 0; i < keyed->size; i++)
        out[i] = (uint8_t)(h[i / 8] >> 8 * (i % 8));
}

/* -- what comes out: bytes that grow --------------------------------------------------------------------------------- */

typedef struct {
    PyObject *bytes; /* NULL after a failure */
    size_t size, room;
} Out;

/* Where `more` bytes may be written; NULL with MemoryError set. */
static uint8_t *room_for(Out *out, size_t more)
{
    if (out->room - out->size < more) {
        size_t room = out->room + out->room / 2 + more;
        if (room > (size_t)PY_SSIZE_T_MAX) {
            PyErr_NoMemory();
            return NULL;
        }
        if (_PyBytes_Resize(&out->bytes, (Py_ssize_t)room) < 0)
            return NULL;
        out->room = room;
    }
    return (uint8_t *)PyBytes_AS_STRING(out->bytes) + out->size;
}

static int put(Out *out, const void *bytes, size_t size)
{
    uint8_t *at = room_for(out, size);
    if (at == NULL)
        return -1;
    memcpy(at, bytes, size);
    out->size += size;
    return 0;
}

static int put_field(Out *out, const void *bytes, size_t size)
{
    uint8_t *at = room_for(out, 4 + size);
    if (at == NULL)
        return -1;
    put_big_endian(at, size, 4);
    memcpy(at + 4, bytes, size);
    out->size += 4 + size;
    return 0;
}

/* A field of ASCII text in its type's length: cut, and padded with spaces where the type is. 0: any length. */
static int put_text(Out *out, const char *text, size_t size, size_t limit, int is_padded)
{
    size_t kept = limit && size > limit ? limit : size;
    size_t total = limit && is_padded ? limit : kept;
    uint8_t *at = room_for(out, 4 + total);
    if (at == NULL)
        return -1;
    put_big_endian(at, total, 4);
    memcpy(at + 4, text, kept);
    memset(at + 4 + kept, ' ', total - kept);
    out->size += 4 + total;
    return 0;
}

/* -- days: civil.py in integers that never leave 64 bits -------------------------------------------------------------- */

enum { EPOCH = 719468 + 10957 };

static int64_t floor_div(int64_t number, int64_t by)
{
    return number / by - (number % by < 0);
}

static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = floor_div(year, 400), of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH;
}

static void date_of(int64_t days, int64_t *year, int *month, int *day)
{
    days += EPOCH;
    int64_t era = floor_div(days, 146097), of_era = days - era * 146097;
    int64_t of_year_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * of_year_era + of_year_era / 4 - of_year_era / 100);
    int64_t at = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * at + 2) / 5 + 1);
    *month = (int)(at < 10 ? at + 3 : at - 9);
    *year = of_year_era + era * 400 + (*month <= 2);
}

/* -- masks -------------------------------------------------------------------------------------------------------- */

enum { DONE = 0, FAILED = -1, UNCOVERED = 1 };

typedef struct Mask Mask;
typedef int (*Apply)(const Mask *, const uint8_t *, size_t, Out *);

struct Mask {
    Apply apply;
    size_t index;       /* of the output column, from 0 */
    PyObject *python;   /* the bound method LateMask.apply */
    PyObject *first, *last; /* tuples of bytes: names */
    size_t limit;
    int is_padded, is_binary, is_date, bits;
    uint64_t span;
    Keyed keyed;
};

/* DONE, or FAILED with an exception set. */
static int by_python(const Mask *mask, const uint8_t *value, size_t size, Out *out)
{
    PyObject *given = PyBytes_FromStringAndSize((const char *)value, (Py_ssize_t)size);
    if (given == NULL)
        return FAILED;
    PyObject *masked = PyObject_CallOneArg(mask->python, given);
    Py_DECREF(given);
    if (masked == NULL)
        return FAILED;
    int done;
    if (masked == Py_None)
        done = put(out, "\xff\xff\xff\xff", 4);
    else if (!PyBytes_CheckExact(masked)) {
        PyErr_SetString(PyExc_TypeError, "a mask gave something else than bytes");
        done = FAILED;
    } else if (PyBytes_GET_SIZE(masked) > INT32_MAX) {
        PyErr_SetString(PyExc_ValueError, "a masked value is too long");
        done = FAILED;
    } else
        done = put_field(out, PyBytes_AS_STRING(masked), (size_t)PyBytes_GET_SIZE(masked));
    Py_DECREF(masked);
    return done;
}

/* Of masks that have no recipe: their values are Python's. */
static int uncovered(const Mask *mask, const uint8_t *value, size_t size, Out *out)
{
    (void)mask; (void)value; (void)size; (void)out;
    return UNCOVERED;
}

static void keyed_text(const Mask *mask, const uint8_t *value, size_t size, uint8_t *out)
{
    while (mask->is_padded && size && value[size - 1] == ' ')
        size--;
    digest(&mask->keyed, value, size, out);
}

static int token(const Mask *mask, const uint8_t *value, size_t size, Out *out)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567"; /* base 32, RFC 4648, in lower case */
    char text[30] = "tok_";
    uint8_t raw[20] = {0}; /* 17 bytes: 27 characters and a bit, of which 26 are used */
    keyed_text(mask, value, size, raw);
    for (int i = 0; i < 26; i++) {
        int bit = 5 * i, at = bit / 8;
        text[4 + i] = alphabet[(raw[at] << 8 | raw[at + 1]) >> (11 - bit % 8) & 31];
    }
    return put_text(out, text, sizeof text, mask->limit, mask->is_padded);
}

static int fake(const Mask *mask, const uint8_t *value, size_t size, Out *out)
{
    uint8_t raw[8];
    keyed_text(mask, value, size, raw);
    Py_ssize_t one = (Py_ssize_t)(big_endian(raw, 4) % (uint64_t)PyTuple_GET_SIZE(mask->first));
    Py_ssize_t two = (Py_ssize_t)(big_endian(raw + 4, 4) % (uint64_t)PyTuple_GET_SIZE(mask->last));
    PyObject *first = PyTuple_GET_ITEM(mask->first, one), *last = PyTuple_GET_ITEM(mask->last, two);
    char text[2 * 64 + 1];
    size_t width = (size_t)PyBytes_GET_SIZE(first);
    memcpy(text, PyBytes_AS_STRING(first), width);
    text[width++] = ' ';
    memcpy(text + width, PyBytes_AS_STRING(last), (size_t)PyBytes_GET_SIZE(last));
    return put_text(out, text, width + (size_t)PyBytes_GET_SIZE(last), mask->limit, mask->is_padded);
}

static int integer_token(const Mask *mask, const uint8_t *value, size_t size, Out *out)
{
    uint8_t raw[8];
    char text[24];
    if (mask->is_binary) {
        int64_t number;
        if (size == 2)
            number = (int16_t)big_endian(value, 2);
        else if (size == 4)
            number = (int32_t)big_endian(value, 4);
        else if (size == 8)
            number = (int64_t)big_endian(value, 8);
        else
            return UNCOVERED;
        size = (size_t)snprintf(text, sizeof text, "%lld", (long long)number);
        value = (const uint8_t *)text;
    }
    digest(&mask->keyed, value, size, raw);
    uint64_t number = big_endian(raw, 8) >> (65 - mask->bits);
    if (mask->is_binary) {
        put_big_endian(raw, number, mask->bits / 8);
        return put_field(out, raw, (size_t)mask->bits / 8);
    }
    return put_field(out, text, (size_t)snprintf(text, sizeof text, "%llu", (unsigned long long)number));
}

static int hex_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9' ? byte - '0'
           : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
           : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
                                        : -1;
}

/* The sixteen bytes of a UUID in the form in which servers write it; -1 for any other. */
static int read_uuid(const uint8_t *text, size_t size, uint8_t *raw)
{
    if (size != 36)
        return -1;
    for (int i = 0, at = 0; i < 16; i++, at += 2) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && text[at++] != '-')
            return -1;
        int high = hex_digit(text[at]), low = hex_digit(text[at + 1]);
        if (high < 0 || low < 0)
            return -1;
        raw[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

static int uuid_token(const Mask *mask, const uint8_t *value, size_t size, Out *out)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t raw[16];
    char text[36];
    if (!mask->is_binary) {
        if (read_uuid(value, size, raw) < 0)
            return UNCOVERED;
        value = raw;
        size = 16;
    }
    uint8_t made[16];
    digest(&mask->keyed, value, size, made);
    made[6] = (made[6] & 0x0F) | 0x80;
    made[8] = (made[8] & 0x3F) | 0x80;
    if (mask->is_binary)
        return put_field(out, made, 16);
    for (int i = 0, at = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            text[at++] = '-';
        text[at++] = hex[made[i] >> 4];
        text[at++] = hex[made[i] & 15];
    }
    return put_field(out, text, 36);
}

/* The shifted day: by at most `span` days either way, never by none. */
static int64_t shifted(const Mask *mask, int64_t days)
{
    uint8_t raw[8];
    char text[24];
    size_t size = (size_t)snprintf(text, sizeof text, "%lld", (long long)days);
    digest(&mask->keyed, (const uint8_t *)text, size, raw);
    int64_t step = (int64_t)(big_endian(raw, 8) % (2 * mask->span)), span = (int64_t)mask->span;
    return days + (step < span ? step - span : step - span + 1);
}

static int shift_binary(const Mask *mask, const uint8_t *value, size_t size, Out *out)
{
    static const int64_t day_us = 86400000000;
    uint8_t raw[8];
    int64_t moved;
    if (mask->is_date && size == 4) {
        int64_t number = (int32_t)big_endian(value, 4);
        if (number == INT32_MAX || number == INT32_MIN) /* infinite */
            return put_field(out, value, size);
        moved = shifted(mask, number);
        if (moved > INT32_MAX || moved < INT32_MIN)
            return UNCOVERED;
    } else if (!mask->is_date && size == 8) {
        int64_t number = (int64_t)big_endian(value, 8);
        if (number == INT64_MAX || number == INT64_MIN)
            return put_field(out, value, size);
        int64_t days = floor_div(number, day_us), within = number % day_us;
        if (within < 0)
            within += day_us;
        moved = shifted(mask, days);
        if (moved > INT64_MAX / day_us - 1 || moved < INT64_MIN / day_us + 1)
            return UNCOVERED;
        moved = moved * day_us + within;
    } else
        return UNCOVERED;
    put_big_endian(raw, (uint64_t)moved, (int)size);
    return put_field(out, raw, size);
}

/* Digits at `*at`, at least `least` and at most `most`, as a number; -1 where there are fewer. */
static int64_t read_digits(const uint8_t *text, size_t size, size_t *at, size_t least, size_t most)
{
    int64_t number = 0;
    size_t begin = *at;
    while (*at < size && *at - begin < most && text[*at] >= '0' && text[*at] <= '9')
        number = number * 10 + (text[(*at)++] - '0');
    return *at - begin < least ? -1 : number;
}

/* Text in ISO style, as servers write it: 2024-05-06 or 2024-05-06 07:08:09.5+00, either with " BC". */
static int shift_text(const Mask *mask, const uint8_t *value, size_t size, Out *out)
{
    if ((size == 8 && memcmp(value, "infinity", 8) == 0) || (size == 9 && memcmp(value, "-infinity", 9) == 0))
        return put_field(out, value, size);
    size_t at = 0, end = size;
    int is_bc = size >= 3 && memcmp(value + size - 3, " BC", 3) == 0;
    if (is_bc)
        end -= 3;
    int64_t year = read_digits(value, end, &at, 4, 7);
    if (year < 1 || at >= end || value[at++] != '-')
        return UNCOVERED;
    int64_t month = read_digits(value, end, &at, 2, 2);
    if (month < 1 || month > 12 || at >= end || value[at++] != '-')
        return UNCOVERED;
    int64_t day = read_digits(value, end, &at, 2, 2);
    if (day < 1 || day > 31 || (at < end && value[at] != ' '))
        return UNCOVERED;
    int of_month, of_day;
    date_of(shifted(mask, days_of(is_bc ? 1 - year : year, month, day)), &year, &of_month, &of_day);
    is_bc = year <= 0;
    char date[48];
    int width = snprintf(date, sizeof date, "%04lld-%02d-%02d", (long long)(is_bc ? 1 - year : year), of_month, of_day);
    size_t total = (size_t)width + (end - at) + (is_bc ? 3 : 0);
    uint8_t *to = room_for(out, 4 + total);
    if (to == NULL)
        return FAILED;
    put_big_endian(to, total, 4);
    memcpy(to + 4, date, (size_t)width);
    memcpy(to + 4 + width, value + at, end - at);
    if (is_bc)
        memcpy(to + 4 + total - 3, " BC", 3);
    out->size += 4 + total;
    return DONE;
}

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
