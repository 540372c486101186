/* Masks of text, in C: what the masks of late.py that give text do with one field. */

#ifndef TIDEWAITER_TEXTS_H
#define TIDEWAITER_TEXTS_H

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "_fields.h"

/* -- characters --------------------------------------------------------------------------------------------------- */

static int is_ascii(const uint8_t *text, size_t size)
{
    uint64_t eight, any = 0;
    uint32_t four = 0, last = 0;
    if (size >= 8) {
        memcpy(&any, text + size - 8, 8);
        for (; size > 8; text += 8, size -= 8) {
            memcpy(&eight, text, 8);
            any |= eight;
        }
    } else if (size >= 4) {
        memcpy(&four, text, 4);
        memcpy(&last, text + size - 4, 4);
        any = four | last;
    } else
        for (; size; size--)
            any |= *text++;
    return (any & 0x8080808080808080u) == 0;
}

/* How many characters a text has; -1 where it is no UTF-8 (RFC 3629). */
static int64_t characters(const uint8_t *text, size_t size)
{
    if (is_ascii(text, size))
        return (int64_t)size;
    int64_t count = 0;
    for (size_t at = 0; at < size; count++) {
        uint8_t lead = text[at++];
        if (lead < 0x80)
            continue;
        size_t more = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
        if (lead < 0xC2 || lead > 0xF4 || size - at < more)
            return -1;
        uint8_t least = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
        uint8_t most = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
        if (text[at] < least || text[at] > most)
            return -1;
        for (size_t next = at + 1; next < at + more; next++)
            if ((text[next] & 0xC0) != 0x80)
                return -1;
        at += more;
    }
    return count;
}

static int is_inside(uint8_t byte) /* a character, not at its beginning */
{
    return (byte & 0xC0) == 0x80;
}

/* Where the character after the first `count` ones begins; there are as many. */
static size_t after_first(const uint8_t *text, size_t size, size_t count)
{
    size_t at = 0;
    for (; count; count--)
        do
            at++;
        while (at < size && is_inside(text[at]));
    return at;
}

/* Where the last `count` characters begin; there are as many. */
static size_t before_last(const uint8_t *text, size_t size, size_t count)
{
    size_t at = size;
    for (; count; count--)
        do
            at--;
        while (at && is_inside(text[at]));
    return at;
}

/* -- masks -------------------------------------------------------------------------------------------------------- */

/* The size of a value without what pads it. */
static size_t bare_size(const Mask *mask, const Field *field)
{
    size_t size = field->size;
    while (mask->is_padded && size && field->value[size - 1] == ' ')
        size--;
    return size;
}

static const uint8_t *text_subject(const Mask *mask, const Field *field, size_t *size, uint8_t said[SAID_MOST])
{
    (void)said;
    *size = bare_size(mask, field);
    return field->value;
}

/* A field of two pieces of ASCII in the type's length: cut, and padded with spaces where the type is. */
static int put_text(const Mask *mask, const void *one, size_t size, const void *two, size_t size_two, Out *out)
{
    size_t limit = mask->limit ? mask->limit : SIZE_MAX;
    size = size < limit ? size : limit;
    size_two = size_two < limit - size ? size_two : limit - size;
    size_t spaces = mask->limit && mask->is_padded ? limit - size - size_two : 0, total = size + size_two + spaces;
    uint8_t *at = room_for(out, 4 + total);
    if (at == NULL)
        return FAILED;
    put_size(at, total);
    copy(at + 4, one, size);
    copy(at + 4 + size, two, size_two);
    if (spaces)
        memset(at + 4 + size + size_two, ' ', spaces);
    out->size += 4 + total;
    return DONE;
}

/* Five bytes in base 32 (RFC 4648), lower case: eight characters, computed side by side in one word. */
static void put_base_32(uint8_t *at, const uint8_t *five)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t bits = (uint64_t)size_at(five) << 8 | five[4];
    bits = (bits << 12 & 0x000FFFFF00000000u) | (bits & 0x00000000000FFFFFu);
    bits = (bits << 6 & 0x03FF000003FF0000u) | (bits & 0x000003FF000003FFu);
    bits = (bits << 3 & 0x1F001F001F001F00u) | (bits & 0x001F001F001F001Fu);
    uint64_t are_digits = (bits + ones * (128 - 26)) >> 7 & ones;
    bits += ones * 'a' - are_digits * ('a' + 26 - '2');
    put_size(at, bits >> 32);
    put_size(at + 4, bits);
}

static int token(const Mask *mask, const Field *field, Out *out)
{
    uint8_t text[32]; /* 17 bytes: 27 characters and a bit, of which 26 are used */
    for (int part = 0; part < 4; part++)
        put_base_32(text + 8 * part, field->digest + 5 * part);
    return put_text(mask, "tok_", 4, text, 26, out);
}

enum { NAME_MOST = 64 };

static int fake(const Mask *mask, const Field *field, Out *out)
{
    uint32_t one = (uint32_t)big_endian(field->digest, 4) % (uint32_t)PyTuple_GET_SIZE(mask->first);
    uint32_t two = (uint32_t)big_endian(field->digest + 4, 4) % (uint32_t)PyTuple_GET_SIZE(mask->last);
    PyObject *first = PyTuple_GET_ITEM(mask->first, one), *last = PyTuple_GET_ITEM(mask->last, two);
    char text[NAME_MOST + 1];
    size_t size = (size_t)PyBytes_GET_SIZE(first);
    memcpy(text, PyBytes_AS_STRING(first), size);
    text[size++] = ' ';
    return put_text(mask, text, size, PyBytes_AS_STRING(last), (size_t)PyBytes_GET_SIZE(last), out);
}

/* Characters at both ends stay; a value no longer than these is masked whole. */
static int partial(const Mask *mask, const Field *field, Out *out)
{
    const uint8_t *value = field->value;
    size_t size = bare_size(mask, field), head = 0, tail = 0;
    int64_t counted = characters(value, size);
    if (counted < 0)
        return UNCOVERED;
    size_t count = (size_t)counted, hidden = count;
    if (count > mask->keep_first + mask->keep_last) {
        hidden = count - mask->keep_first - mask->keep_last;
        head = count == size ? mask->keep_first : after_first(value, size, mask->keep_first);
        tail = count == size ? mask->keep_last : size - before_last(value, size, mask->keep_last);
    }
    size_t filled = hidden * mask->fill_size, total = head + filled + tail;
    if (mask->limit && (mask->counts_bytes ? total : count) > mask->limit)
        return UNCOVERED;
    size_t spaces = mask->limit && mask->is_padded ? mask->limit - count : 0;
    uint8_t *at = room_for(out, 4 + total + spaces);
    if (at == NULL)
        return FAILED;
    put_size(at, total + spaces);
    copy(at + 4, value, head);
    at += 4 + head;
    if (mask->fill_size == 1)
        memset(at, mask->fill[0], hidden);
    else
        for (size_t done = 0; done < hidden; done++)
            copy(at + done * mask->fill_size, mask->fill, mask->fill_size);
    copy(at + filled, value + size - tail, tail);
    if (spaces)
        memset(at + filled + tail, ' ', spaces);
    out->size += 4 + total + spaces;
    return DONE;
}

/* The first character and what begins with the first @; three stars where there is none, or nothing before it. */
static int email(const Mask *mask, const Field *field, Out *out)
{
    const uint8_t *value = field->value;
    size_t size = bare_size(mask, field);
    const uint8_t *at = size ? memchr(value, '@', size) : NULL;
    if (at == NULL || at == value)
        return put_text(mask, "***", 3, "", 0, out);
    size_t rest = size - (size_t)(at - value);
    if (value[0] > 127 || (mask->limit && (mask->is_padded || 4 + rest > mask->limit) && !is_ascii(at, rest)))
        return UNCOVERED;
    uint8_t begins[4] = {value[0], '*', '*', '*'};
    return put_text(mask, begins, 4, at, rest, out);
}

/* -- free text ---------------------------------------------------------------------------------------------------- */

/* [A-Za-z0-9_-]; [A-Za-z0-9-]; [A-Za-z0-9._%+-]; bytes that tell of more than a word; those that tokens have. */
enum { WORD = 1, LABEL = 2, LOCAL = 4, TELLING = 8, MARK = 16, LETTER = WORD | LABEL | LOCAL };
enum { TOKEN_LEAST = 15, PHONE_LEAST = 8, LOCAL_MOST = 64, LABEL_MOST = 63 };
enum { FINDS_NOTHING, FINDS_EMAILS, MAY_FIND }; /* what the detectors of spans.py come to */

static const uint8_t CLASSES[256] = {
    ['a' ... 'z'] = LETTER, ['A'] = LETTER | MARK, ['B' ... 'I'] = LETTER, ['J'] = LETTER | TELLING,
    ['K' ... 'Z'] = LETTER, ['0' ... '9'] = LETTER | TELLING, ['_'] = WORD | LOCAL | MARK, ['%'] = LOCAL, ['+'] = LOCAL,
    ['-'] = LETTER | TELLING | MARK, ['.'] = LOCAL | TELLING, ['@'] = TELLING, [':'] = TELLING,
};

static int is_upper(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z';
}

static int is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* What may be found in a text. Without what is named here, a detector finds nothing:
 * private key: five dashes; jwt: eyJ; token: 15 of [A-Za-z0-9_-] in a row, among them A, _ or -, or after a point;
 * email: @; iban: two capitals and two digits; card, ssn, phone: 8 digits; ip: 4 digits and 3 points, or two colons. */
typedef struct {
    size_t digits, points, colons, ats;
} Seen;

/* Count a byte that is TELLING; whether something may end there. */
static inline int tells(Seen *seen, const uint8_t *text, size_t at)
{
    uint8_t byte = text[at];
    if (is_digit(byte)) {
        seen->digits++;
        return at >= 3 && is_digit(text[at - 1]) && is_upper(text[at - 2]) && is_upper(text[at - 3]);
    }
    seen->points += byte == '.';
    seen->colons += byte == ':';
    seen->ats += byte == '@';
    return (byte == 'J' && at >= 2 && memcmp(text + at - 2, "ey", 2) == 0)
           || (byte == '-' && at >= 4 && memcmp(text + at - 4, "----", 4) == 0);
}

static int found(const Seen *seen)
{
    if (seen->digits >= PHONE_LEAST || (seen->digits >= 4 && seen->points >= 3) || seen->colons >= 2)
        return MAY_FIND;
    return seen->ats ? FINDS_EMAILS : FINDS_NOTHING;
}

static int look_through(const uint8_t *text, size_t size)
{
    Seen seen = {0};
    size_t row = 0;
    int is_marked = 0;
    for (size_t at = 0; at < size; at++) {
        uint8_t byte = text[at], kind = CLASSES[byte];
        row = kind & WORD ? row + 1 : 0;
        is_marked = kind & WORD ? is_marked | (kind & MARK) : byte == '.';
        if ((row >= TOKEN_LEAST && is_marked) || (kind & TELLING && tells(&seen, text, at)))
            return MAY_FIND;
    }
    return found(&seen);
}

#ifdef __SSE2__

static inline __m128i between(__m128i bytes, char first, char last)
{
    __m128i above = _mm_sub_epi8(bytes, _mm_set1_epi8(first));
    return _mm_cmpeq_epi8(_mm_min_epu8(above, _mm_set1_epi8((char)(last - first))), above);
}

/* Which of 16 bytes are WORD, and which are TELLING: a bit each. */
static inline void classify(__m128i bytes, uint64_t *words, uint64_t *telling)
{
    __m128i letters = between(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), 'a', 'z');
    __m128i word = _mm_or_si128(between(bytes, '0', '9'), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('_')));
    __m128i mark = _mm_or_si128(between(bytes, '-', '.'), between(bytes, '0', ':'));
    __m128i sign = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('@')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('J')));
    word = _mm_or_si128(_mm_or_si128(letters, word), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('-')));
    *words = (uint64_t)_mm_movemask_epi8(word);
    *telling = (uint64_t)_mm_movemask_epi8(_mm_or_si128(mark, sign));
}

/* The same as `look_through`, 16 bytes at a time, for texts without 15 of [A-Za-z0-9_-] in a row; others are left to it. */
static int look_through_fast(const uint8_t *text, size_t size)
{
    Seen seen = {0};
    uint64_t row = 0; /* a bit for each of the 14 bytes before, and of the 16 that are looked at */
    for (size_t begin = 0; begin < size; begin += 16) {
        uint8_t last[16] = {0};
        const uint8_t *from = text + begin;
        uint64_t words, telling;
        if (size - begin < 16) {
            copy(last, from, size - begin);
            from = last;
        }
        classify(_mm_loadu_si128((const __m128i *)from), &words, &telling);
        row = row >> 16 | words << (TOKEN_LEAST - 1);
        uint64_t twos = row & row >> 1, fours = twos & twos >> 2, eights = fours & fours >> 4;
        if (eights & eights >> (TOKEN_LEAST - 8))
            return look_through(text, size);
        for (; telling; telling &= telling - 1)
            if (tells(&seen, text, begin + (size_t)__builtin_ctzll(telling)))
                return MAY_FIND;
    }
    return found(&seen);
}

#else
#define look_through_fast look_through
#endif

/* Where the bytes of a class end that begin at `at`, `most` at most. */
static size_t end_of(const uint8_t *text, size_t size, size_t at, uint8_t class, size_t most)
{
    size_t begin = at;
    while (at < size && at - begin < most && CLASSES[text[at]] & class)
        at++;
    return at;
}

/* Where the domain ends that begins at `at`: labels with points between them, two or more. 0: there is none. */
static size_t domain_end(const uint8_t *text, size_t size, size_t at)
{
    size_t end = end_of(text, size, at, LABEL, LABEL_MOST), labels = end > at;
    while (labels && size - end > 1 && text[end] == '.' && CLASSES[text[end + 1]] & LABEL) {
        end = end_of(text, size, end + 1, LABEL, LABEL_MOST);
        labels++;
    }
    return labels > 1 ? end : 0;
}

/* The text with each address replaced, as the detector `email` does it. */
static int without_emails(const Mask *mask, const Field *field, Out *out)
{
    const uint8_t *text = field->value;
    size_t size = field->size, head = out->size, done = 0;
    if (put(out, "    ", 4) < 0)
        return FAILED;
    const uint8_t *sign;
    for (size_t at = 0; at < size && (sign = memchr(text + at, '@', size - at)) != NULL; at++) {
        at = (size_t)(sign - text);
        size_t begin = at, end = domain_end(text, size, at + 1);
        while (end && begin > done && at - begin < LOCAL_MOST && CLASSES[text[begin - 1]] & LOCAL)
            begin--;
        if (!end || begin == at)
            continue;
        if (put(out, text + done, begin - done) < 0 || put(out, "[email]", 7) < 0)
            return FAILED;
        done = end;
        at = end - 1;
    }
    if (put(out, text + done, size - done) < 0)
        return FAILED;
    size_t total = out->size - head - 4;
    if (mask->limit && total > mask->limit) {
        out->size = head;
        return UNCOVERED;
    }
    put_size((uint8_t *)PyBytes_AS_STRING(out->bytes) + head, total);
    return DONE;
}

/* What nothing else than addresses can be found in. Everything else is looked through in Python. */
static int free_text(const Mask *mask, const Field *field, Out *out)
{
    if (mask->is_padded || (mask->limit && field->size > mask->limit))
        return UNCOVERED;
    switch (look_through_fast(field->value, field->size)) {
    case FINDS_NOTHING:
        return put_field(out, field->value, field->size);
    case FINDS_EMAILS:
        return without_emails(mask, field, out);
    default:
        return UNCOVERED;
    }
}

/* The same in JSON, where an escape may stand for what is looked for, or before it. */
static int free_json(const Mask *mask, const Field *field, Out *out)
{
    return memchr(field->value, '\\', field->size) ? UNCOVERED : free_text(mask, field, out);
}

#endif
