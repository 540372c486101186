/* One field of a row → its masked bytes: what the masks of late.py that have a recipe do, in C. */

#ifndef TIDEWAITER_FIELDS_H
#define TIDEWAITER_FIELDS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#include "_blake2b.h"

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

/* The sizes of messages and fields, four bytes each: written so that each is one instruction. */
static inline uint32_t size_at(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline void put_size(uint8_t *at, size_t size)
{
    at[0] = (uint8_t)(size >> 24);
    at[1] = (uint8_t)(size >> 16);
    at[2] = (uint8_t)(size >> 8);
    at[3] = (uint8_t)size;
}

/* -- what comes out: bytes that grow --------------------------------------------------------------------------------- */

typedef struct {
    PyObject *bytes; /* NULL after a failure */
    size_t size, room;
} Out;

static int grow(Out *out, size_t more)
{
    size_t room = out->room + out->room / 2 + more;
    if (room > (size_t)PY_SSIZE_T_MAX) {
        PyErr_NoMemory();
        return -1;
    }
    if (_PyBytes_Resize(&out->bytes, (Py_ssize_t)room) < 0)
        return -1;
    out->room = room;
    return 0;
}

/* Where `more` bytes may be written; NULL with MemoryError set. */
static inline uint8_t *room_for(Out *out, size_t more)
{
    if (out->room - out->size < more && grow(out, more) < 0)
        return NULL;
    return (uint8_t *)PyBytes_AS_STRING(out->bytes) + out->size;
}

/* memcpy, of which most values are too short to be worth the call. */
static inline void copy(uint8_t *to, const void *bytes, size_t size)
{
    const uint8_t *from = bytes;
    if (size > 32)
        memcpy(to, from, size);
    else if (size >= 16) {
        memcpy(to, from, 16);
        memcpy(to + size - 16, from + size - 16, 16);
    } else if (size >= 8) {
        memcpy(to, from, 8);
        memcpy(to + size - 8, from + size - 8, 8);
    } else if (size >= 4) {
        memcpy(to, from, 4);
        memcpy(to + size - 4, from + size - 4, 4);
    } else
        for (size_t at = 0; at < size; at++)
            to[at] = from[at];
}

static int put(Out *out, const void *bytes, size_t size)
{
    uint8_t *at = room_for(out, size);
    if (at == NULL)
        return -1;
    copy(at, bytes, size);
    out->size += size;
    return 0;
}

static int put_field(Out *out, const void *bytes, size_t size)
{
    uint8_t *at = room_for(out, 4 + size);
    if (at == NULL)
        return -1;
    put_size(at, size);
    copy(at + 4, bytes, size);
    out->size += 4 + size;
    return 0;
}

static int put_number(Out *out, uint64_t number, int size)
{
    uint8_t raw[8];
    put_big_endian(raw, number, size);
    return put_field(out, raw, (size_t)size);
}

/* A number in decimal digits, `least` or more, that end before `end`; where they begin. */
static uint8_t *put_decimal(uint8_t *end, uint64_t number, int least)
{
    for (; number || least > 0; number /= 10, least--)
        *--end = (uint8_t)('0' + number % 10);
    return end;
}

/* -- masks -------------------------------------------------------------------------------------------------------- */

enum { DONE = 0, FAILED = -1, UNCOVERED = 1 };
enum { SAID_MOST = 24 }; /* bytes */

/* A value that is to be masked. `digest` is of its subject, there once all lanes have run; `is_odd`: it is Python's. */
typedef struct {
    const uint8_t *value;
    size_t size;
    uint8_t is_null, is_odd;
    uint8_t digest[DIGEST_ROOM];
} Field;

typedef struct Mask Mask;

/* What of a value is digested, and its size; NULL where Python has to look. `said` is room for what has to be made. */
typedef const uint8_t *(*Subject)(const Mask *, const Field *, size_t *, uint8_t said[SAID_MOST]);
typedef int (*Apply)(const Mask *, const Field *, Out *);

struct Mask {
    Subject subject; /* NULL: the mask needs no digest */
    Apply apply;
    size_t index;       /* of the output column, from 0 */
    PyObject *python;   /* the bound method LateMask.apply */
    PyObject *first, *last; /* tuples of bytes: names */
    size_t limit;       /* of the type: characters, or bytes where it `counts_bytes`; 0: none */
    int is_padded, counts_bytes, is_binary, is_date, is_zoned, bits;
    int64_t span;       /* days, or the size of a bucket */
    char unit;          /* y, m or d */
    size_t keep_first, keep_last, fill_size;
    uint8_t fill[4];    /* a character */
    Keyed keyed;
};

/* DONE, or FAILED with an exception set. */
static int by_python(const Mask *mask, const Field *field, Out *out)
{
    PyObject *given = PyBytes_FromStringAndSize((const char *)field->value, (Py_ssize_t)field->size);
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
static int uncovered(const Mask *mask, const Field *field, Out *out)
{
    (void)mask; (void)field; (void)out;
    return UNCOVERED;
}

/* A number as text at the end of `said`: where it begins, and its size. */
static const uint8_t *put_signed(uint8_t said[SAID_MOST], int64_t number, size_t *size)
{
    uint8_t *end = said + SAID_MOST;
    uint8_t *begin = put_decimal(end, number < 0 ? -(uint64_t)number : (uint64_t)number, 1);
    if (number < 0)
        *--begin = '-';
    *size = (size_t)(end - begin);
    return begin;
}

/* -- integers and UUIDs ------------------------------------------------------------------------------------------- */

/* Text and binary format say the same number. */
static const uint8_t *integer_subject(const Mask *mask, const Field *field, size_t *size, uint8_t said[SAID_MOST])
{
    const uint8_t *value = field->value;
    int64_t number;
    *size = field->size;
    if (!mask->is_binary)
        return value;
    if (field->size == 2)
        number = (int16_t)big_endian(value, 2);
    else if (field->size == 4)
        number = (int32_t)big_endian(value, 4);
    else if (field->size == 8)
        number = (int64_t)big_endian(value, 8);
    else
        return NULL;
    return put_signed(said, number, size);
}

static int integer_token(const Mask *mask, const Field *field, Out *out)
{
    uint64_t number = big_endian(field->digest, 8) >> (65 - mask->bits);
    if (mask->is_binary)
        return put_number(out, number, mask->bits / 8);
    uint8_t text[24], *begin = put_decimal(text + sizeof text, number, 1);
    return put_field(out, begin, (size_t)(text + sizeof text - begin));
}

static int hex_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9' ? byte - '0'
           : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
           : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
                                        : -1;
}

/* The sixteen bytes of a UUID in the form in which servers write it; NULL for any other. */
static const uint8_t *uuid_subject(const Mask *mask, const Field *field, size_t *size, uint8_t said[SAID_MOST])
{
    const uint8_t *text = field->value;
    *size = field->size;
    if (mask->is_binary)
        return text;
    if (field->size != 36)
        return NULL;
    *size = 16;
    for (int i = 0, at = 0; i < 16; i++, at += 2) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && text[at++] != '-')
            return NULL;
        int high = hex_digit(text[at]), low = hex_digit(text[at + 1]);
        if (high < 0 || low < 0)
            return NULL;
        said[i] = (uint8_t)(high << 4 | low);
    }
    return said;
}

static int uuid_token(const Mask *mask, const Field *field, Out *out)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t made[16];
    char text[36];
    memcpy(made, field->digest, sizeof made);
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

/* -- numeric ------------------------------------------------------------------------------------------------------ */

enum { BASE = 10000, HEAD = 8, WEIGHT_MOST = 3, NEGATIVE = 0x4000 }; /* of the binary format; weights that 64 bits hold */

/* Count, weight, sign and places, two bytes each, then digits to the base of 10,000. */
static int bucket_binary(const Mask *mask, const Field *field, Out *out)
{
    const uint8_t *value = field->value;
    if (field->size < HEAD)
        return UNCOVERED;
    uint64_t count = big_endian(value, 2), sign = big_endian(value + 4, 2);
    int weight = (int16_t)big_endian(value + 2, 2);
    if (field->size != HEAD + 2 * count || weight > WEIGHT_MOST || (sign != 0 && sign != NEGATIVE))
        return UNCOVERED;
    uint64_t number = 0;
    for (int at = 0; at <= weight; at++)
        number = number * BASE + ((uint64_t)at < count ? big_endian(value + HEAD + 2 * at, 2) : 0);
    number -= number % (uint64_t)mask->span;
    uint8_t made[HEAD + 2 * (WEIGHT_MOST + 2)] = {0};
    uint64_t digits[WEIGHT_MOST + 2];
    int size = 0, zeros = 0;
    for (uint64_t left = number; left; left /= BASE)
        digits[size++] = left % BASE;
    while (zeros < size && digits[zeros] == 0)
        zeros++;
    put_big_endian(made, (uint64_t)(size - zeros), 2);
    put_big_endian(made + 2, (uint64_t)(size ? size - 1 : 0), 2);
    put_big_endian(made + 4, number ? sign : 0, 2);
    memcpy(made + 6, value + 6, 2);
    for (int at = 0; at < size - zeros; at++)
        put_big_endian(made + HEAD + 2 * at, digits[size - 1 - at], 2);
    return put_field(out, made, (size_t)(HEAD + 2 * (size - zeros)));
}

/* The multiple of a whole size towards zero: as many places behind the point as before, and all of them zeros. */
static int bucket(const Mask *mask, const Field *field, Out *out)
{
    if (mask->is_binary)
        return bucket_binary(mask, field, out);
    const uint8_t *text = field->value;
    size_t size = field->size, at = size && text[0] == '-', begin = at;
    uint64_t number = 0;
    for (; at < size && at - begin < 18 && text[at] >= '0' && text[at] <= '9'; at++) /* digits that 64 bits hold */
        number = number * 10 + (text[at] - '0');
    size_t places = size - at; /* the point among them */
    if (at == begin || (places && text[at] != '.') || places == 1)
        return UNCOVERED;
    for (size_t place = at + 1; place < size; place++)
        if (text[place] < '0' || text[place] > '9')
            return UNCOVERED;
    number -= number % (uint64_t)mask->span;
    uint8_t said[24], *digits = put_decimal(said + sizeof said, number, 1);
    if (number && begin)
        *--digits = '-';
    size_t width = (size_t)(said + sizeof said - digits);
    uint8_t *to = room_for(out, 4 + width + places);
    if (to == NULL)
        return FAILED;
    put_size(to, width + places);
    copy(to + 4, digits, width);
    memset(to + 4 + width, '0', places);
    if (places)
        to[4 + width] = '.';
    out->size += 4 + width + places;
    return DONE;
}

#endif
