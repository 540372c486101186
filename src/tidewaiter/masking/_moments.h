/* Masks of date, timestamp and timestamptz, in C: what Moments of late.py does with one field. */

#ifndef TIDEWAITER_MOMENTS_H
#define TIDEWAITER_MOMENTS_H

#include "_fields.h"

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
    uint8_t date[32], *begin = put_decimal(date + sizeof date, (uint64_t)day, 2);
    *--begin = '-';
    begin = put_decimal(begin, (uint64_t)month, 2);
    *--begin = '-';
    begin = put_decimal(begin, (uint64_t)(is_bc ? 1 - year : year), 4);
    size_t width = (size_t)(date + sizeof date - begin), total = width + moment->rest_size + (is_bc ? 3 : 0);
    uint8_t *to = room_for(out, 4 + total);
    if (to == NULL)
        return FAILED;
    put_size(to, total);
    copy(to + 4, begin, width);
    copy(to + 4 + width, moment->rest, moment->rest_size);
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
    return put_signed(said, moment.days, size);
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
    if (mask->is_zoned && !mask->is_binary) {
        if (moment.rest_size < 3 || memcmp(moment.rest + moment.rest_size - 3, "+00", 3) != 0)
            return UNCOVERED;
        moment.rest = (const uint8_t *)" 00:00:00+00";
        moment.rest_size = 12;
    } else if (!mask->is_date) {
        moment.rest = (const uint8_t *)" 00:00:00";
        moment.rest_size = 9;
    }
    return put_moment(mask, &moment, out);
}

#endif
