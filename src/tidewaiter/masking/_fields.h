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

#endif
