/* What the lane reads of messages: whether bytes are exactly one plain statement, or the whole answer to one.
 *
 * Formats: https://www.postgresql.org/docs/current/protocol-message-formats.html */

#ifndef TIDEWAITER_MESSAGES_H
#define TIDEWAITER_MESSAGES_H

#include "../ledger/_put.h"

#define HEADER 5       /* type and length of a message */
#define READY_BYTES 6  /* ReadyForQuery */
#define TAG_BYTES 64   /* no plain statement's command tag is longer */
#define ROWS_DIGITS 18 /* more would not fit into 64 bits */
/* Of wire/postgres_state.py, Owes. */
enum { NOTHING = 0, QUERY = 8, ROUND = 10, DESCRIBED_ROUND = 11 };

static const char EXECUTED[] = "E\0\0\0\x09\0\0\0\0\0S\0\0\0\4"; /* Execute of the unnamed portal, all rows; Sync */
static const char DESCRIBED[] = "D\0\0\0\6P\0";
#define EXECUTED_BYTES ((Py_ssize_t)sizeof EXECUTED - 1)
#define DESCRIBED_BYTES ((Py_ssize_t)sizeof DESCRIBED - 1)

/* Length of the message at `at` with its type, 0 where it is impossible; see wire/frames.py, length_at. */
static inline Py_ssize_t length_at(const byte *at) {
    uint32_t size = (uint32_t)at[1] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 8 | at[4];
    return size < 4 || size >= 0x40000000 ? 0 : (Py_ssize_t)size + 1;
}

/* The same of a message that ends before `end`, 0 of every other. */
static inline Py_ssize_t whole(const byte *at, const byte *end) {
    Py_ssize_t length = end - at < HEADER ? 0 : length_at(at);
    return length > end - at ? 0 : length;
}

/* --- client → server --- */

/* What begins with a Bind of the unnamed portal and is one round; NOTHING for every other. The statement's name ends at
 * `name_end`, the Bind at `body_end`. */
static inline int round_of(const byte *data, Py_ssize_t size, Py_ssize_t *name_end, Py_ssize_t *body_end) {
    Py_ssize_t first = whole(data, data + size);
    if (!first || data[HEADER])
        return NOTHING;
    const byte *rest = data + first;
    Py_ssize_t rest_bytes = size - first;
    int owes = ROUND;
    if (rest_bytes == DESCRIBED_BYTES + EXECUTED_BYTES && !memcmp(rest, DESCRIBED, (size_t)DESCRIBED_BYTES)) {
        owes = DESCRIBED_ROUND;
        rest += DESCRIBED_BYTES;
        rest_bytes -= DESCRIBED_BYTES;
    }
    if (rest_bytes != EXECUTED_BYTES || memcmp(rest, EXECUTED, (size_t)EXECUTED_BYTES))
        return NOTHING;
    const byte *name = data + HEADER + 1;
    const byte *found = first > HEADER + 1 ? memchr(name, 0, (size_t)(first - HEADER - 1)) : NULL;
    if (!found)
        return NOTHING;
    *name_end = found - data;
    *body_end = first;
    return owes;
}

/* Number of values in the parameter section of a Bind; see proxy/trail.py, _count. */
static inline int count(const byte *binds, Py_ssize_t size) {
    Py_ssize_t at = size > 1 ? 2 + 2 * (binds[0] << 8 | binds[1]) : size;
    return at + 1 < size ? binds[at] << 8 | binds[at + 1] : 0;
}

/* --- server → client --- */

/* What an answer tells: where its command tag is, and how many rows and bytes the entry says. */
typedef struct {
    const byte *tag;
    Py_ssize_t tag_bytes, bytes;
    long long rows;
} Told;

/* Read a command tag; 0 where it is not plain. See wire/postgres_backend.py, parse_command_complete. */
static inline int read_tag(const byte *tag, Py_ssize_t size, Told *told) {
    if (size < 2 || size > TAG_BYTES || tag[size - 1])
        return 0;
    for (Py_ssize_t i = 0; i < size - 1; i++)
        if (!Py_ISALNUM(tag[i]) && tag[i] != ' ')
            return 0;
    Py_ssize_t digits = --size;
    while (digits && Py_ISDIGIT(tag[digits - 1]))
        digits--;
    told->rows = 0;
    if (digits < size && digits && tag[digits - 1] == ' ') {
        if (size - digits > ROWS_DIGITS)
            return 0;
        for (Py_ssize_t i = digits; i < size; i++)
            told->rows = told->rows * 10 + (tag[i] - '0');
    }
    told->tag = tag;
    told->tag_bytes = size;
    return 1;
}

/* Read the whole answer to what is owed, which ends with that status of the transaction; 0 for every other chunk. */
static inline int read_answer(int owes, int is_parsed, char status, const byte *data, Py_ssize_t size, Told *told) {
    const byte *at = data, *last = data + size - READY_BYTES, *rows;
    if (size < READY_BYTES || memcmp(last, "Z\0\0\0\5", READY_BYTES - 1) || last[READY_BYTES - 1] != (byte)status)
        return 0;
    if (is_parsed) {
        if (last - at < HEADER || memcmp(at, "1\0\0\0\4", HEADER))
            return 0;
        at += HEADER;
    }
    if (owes != QUERY) {
        if (last - at < HEADER || memcmp(at, "2\0\0\0\4", HEADER))
            return 0;
        at += HEADER;
    }
    Py_ssize_t length;
    if (at < last && owes != ROUND && (*at == 'T' || (*at == 'n' && owes == DESCRIBED_ROUND))) {
        if (!(length = whole(at, last)))
            return 0;
        at += length;
    } else if (owes == DESCRIBED_ROUND) {
        return 0;
    }
    for (rows = at; at < last && *at == 'D'; at += length)
        if (!(length = whole(at, last)))
            return 0;
    if (at == last || *at != 'C' || whole(at, last) != last - at)
        return 0;
    /* A Query's bytes are all up to ReadyForQuery, an Execute's those from its first row to its CommandComplete. */
    told->bytes = owes == QUERY ? size : last - rows;
    return read_tag(at + HEADER, last - at - HEADER, told);
}

#endif
