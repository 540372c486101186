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
    put_size(at, size);
    memcpy(at + 4, bytes, size);
    out->size += 4 + size;
    return 0;
}

static int put_number(Out *out, uint64_t number, int size)
{
    uint8_t raw[8];
    put_big_endian(raw, number, size);
    return put_field(out, raw, (size_t)size);
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
enum { DIGEST_MOST = 17, SAID_MOST = 24 }; /* bytes */

/* A value that is to be masked. `digest` is of its subject, there once all lanes have run; `is_odd`: it is Python's. */
typedef struct {
    const uint8_t *value;
    size_t size;
    uint8_t is_null, is_odd;
    uint8_t digest[DIGEST_MOST];
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
    int is_padded, counts_bytes, is_binary, is_date, bits;
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
    *size = (size_t)snprintf((char *)said, SAID_MOST, "%lld", (long long)number);
    return said;
}

static int integer_token(const Mask *mask, const Field *field, Out *out)
{
    uint64_t number = big_endian(field->digest, 8) >> (65 - mask->bits);
    if (mask->is_binary)
        return put_number(out, number, mask->bits / 8);
    char text[24];
    return put_field(out, text, (size_t)snprintf(text, sizeof text, "%llu", (unsigned long long)number));
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
    char said[24];
    size_t width = (size_t)snprintf(said, sizeof said, "%s%llu", number && begin ? "-" : "", (unsigned long long)number);
    uint8_t *to = room_for(out, 4 + width + places);
    if (to == NULL)
        return FAILED;
    put_size(to, width + places);
    memcpy(to + 4, said, width);
    memset(to + 4 + width, '0', places);
    if (places)
        to[4 + width] = '.';
    out->size += 4 + width + places;
    return DONE;
}

/* -- moments ------------------------------------------------------------------------------------------------------ */

static const int64_t DAY_US = 86400000000;

/* A date or timestamp: its day, and what comes after that. */
typedef struct {
    int is_infinite;
    int64_t days, within;     /* `within` the day: microseconds, in binary format */
    const uint8_t *rest;      /* what follows the date, in text */
    size_t rest_size;
} Moment;

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
static int read_text_moment(const uint8_t *text, size_t size, Moment *moment)
{
    moment->is_infinite = (size == 8 && memcmp(text, "infinity", 8) == 0) || (size == 9 && memcmp(text, "-infinity", 9) == 0);
    if (moment->is_infinite)
        return DONE;
    size_t at = 0, end = size;
    int is_bc = size >= 3 && memcmp(text + size - 3, " BC", 3) == 0;
    if (is_bc)
        end -= 3;
    int64_t year = read_digits(text, end, &at, 4, 7);
    if (year < 1 || at >= end || text[at++] != '-')
        return UNCOVERED;
    int64_t month = read_digits(text, end, &at, 2, 2);
    if (month < 1 || month > 12 || at >= end || text[at++] != '-')
        return UNCOVERED;
    int64_t day = read_digits(text, end, &at, 2, 2);
    if (day < 1 || day > 31 || (at < end && text[at] != ' '))
        return UNCOVERED;
    moment->days = days_of(is_bc ? 1 - year : year, month, day);
    moment->rest = text + at;
    moment->rest_size = end - at;
    return DONE;
}

/* DONE, or UNCOVERED where the value is not as servers write it. */
static int read_moment(const Mask *mask, const Field *field, Moment *moment)
{
    if (!mask->is_binary)
        return read_text_moment(field->value, field->size, moment);
    if (field->size != (mask->is_date ? 4 : 8))
        return UNCOVERED;
    if (mask->is_date) {
        moment->days = (int32_t)big_endian(field->value, 4);
        moment->is_infinite = moment->days == INT32_MAX || moment->days == INT32_MIN;
        return DONE;
    }
    int64_t number = (int64_t)big_endian(field->value, 8);
    moment->is_infinite = number == INT64_MAX || number == INT64_MIN;
    moment->days = floor_div(number, DAY_US);
    moment->within = number % DAY_US;
    if (moment->within < 0)
        moment->within += DAY_US;
    return DONE;
}

/* Write what a moment became; UNCOVERED where the type does not hold it. */
static int put_moment(const Mask *mask, const Moment *moment, Out *out)
{
    if (mask->is_binary) {
        if (mask->is_date)
            return moment->days > INT32_MAX || moment->days < INT32_MIN ? UNCOVERED : put_number(out, (uint64_t)moment->days, 4);
        if (moment->days > INT64_MAX / DAY_US - 1 || moment->days < INT64_MIN / DAY_US + 1)
            return UNCOVERED;
        return put_number(out, (uint64_t)(moment->days * DAY_US + moment->within), 8);
    }
    int64_t year;
    int month, day;
    date_of(moment->days, &year, &month, &day);
    int is_bc = year <= 0;
    char date[48];
    int width = snprintf(date, sizeof date, "%04lld-%02d-%02d", (long long)(is_bc ? 1 - year : year), month, day);
    size_t total = (size_t)width + moment->rest_size + (is_bc ? 3 : 0);
    uint8_t *to = room_for(out, 4 + total);
    if (to == NULL)
        return FAILED;
    put_size(to, total);
    memcpy(to + 4, date, (size_t)width);
    memcpy(to + 4 + width, moment->rest, moment->rest_size);
    if (is_bc)
        memcpy(to + 4 + total - 3, " BC", 3);
    out->size += 4 + total;
    return DONE;
}

static const uint8_t *shift_subject(const Mask *mask, const Field *field, size_t *size, uint8_t said[SAID_MOST])
{
    Moment moment = {0};
    if (read_moment(mask, field, &moment) == UNCOVERED)
        return NULL;
    *size = (size_t)snprintf((char *)said, SAID_MOST, "%lld", (long long)moment.days);
    return said;
}

/* By at most `span` days either way, never by none. */
static int shift(const Mask *mask, const Field *field, Out *out)
{
    Moment moment = {0};
    if (read_moment(mask, field, &moment) == UNCOVERED)
        return UNCOVERED;
    if (moment.is_infinite)
        return put_field(out, field->value, field->size);
    int64_t step = (int64_t)(big_endian(field->digest, 8) % (2 * (uint64_t)mask->span));
    moment.days += step < mask->span ? step - mask->span : step - mask->span + 1;
    return put_moment(mask, &moment, out);
}

/* The day on which the unit began; midnight. */
static int truncate_moment(const Mask *mask, const Field *field, Out *out)
{
    Moment moment = {0};
    if (read_moment(mask, field, &moment) == UNCOVERED)
        return UNCOVERED;
    if (moment.is_infinite)
        return put_field(out, field->value, field->size);
    if (mask->unit != 'd') {
        int64_t year;
        int month, day;
        date_of(moment.days, &year, &month, &day);
        moment.days = days_of(year, mask->unit == 'y' ? 1 : month, 1);
    }
    moment.within = 0;
    if (!mask->is_date) {
        moment.rest = (const uint8_t *)" 00:00:00";
        moment.rest_size = 9;
    }
    return put_moment(mask, &moment, out);
}

#endif
