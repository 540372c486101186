/* How another module in C appends an entry with a body to a ledger's batch: with no object of Python in between.
 *
 * `begin` returns where up to so many bytes of members may be written, NULL where it may not be done this way now: then
 * nothing has happened, no exception is set, and the entry is appended the long way, by Log.append. `body` returns where
 * the body's bytes, of exactly that size, come. `append` seals, frames and hashes them: -1, with no exception, where that
 * failed; nothing is appended then. Between the three no Python may run. */

#ifndef TIDEWAITER_APPEND_H
#define TIDEWAITER_APPEND_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "_put.h"

#define APPENDING_NAME "tidewaiter.ledger._crypto.appending"
/* Of log.py: what is longer, and when more waits, takes the long way. */
#define MEMBERS_MOST ((16 << 10) - 512)
#define INLINE_MOST ((64 << 10) - 60)
#define WAITING_MOST (1 << 20)

typedef struct {
    long long t_ns;
} Begun;

typedef struct {
    byte *(*begin)(PyObject *batch, Begun *begun, const char *kind, size_t kind_size, size_t members, size_t body);
    byte *(*body)(PyObject *batch, byte *members_end, size_t size);
    int (*append)(PyObject *batch, const Begun *begun, byte *members_end, size_t size);
} Appending;

#endif
