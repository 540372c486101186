/* What sessions read and write, past the event loop's transports: see poller.py, which says what is promised.
 *
 * The loop watches one descriptor, the poller's epoll; what is ready behind it is read in one turn, each chunk goes to its
 * callback, and what they wrote leaves at the turn's end. All calls come from the loop's thread. No call blocks.
 *
 * epoll knows a stream by its address. So a stream holds a reference to itself until it is over, and to the end of that turn,
 * whose events may name it.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#ifdef __linux__

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define READ_BYTES (256 << 10) /* of one read, as uvloop's */
#define EVENTS 64              /* of one turn */
#define PARTS 1024             /* of one write, as many as Linux takes: those behind them are moved up after each */

typedef struct Poller Poller;

typedef struct Stream {
    PyObject_HEAD
    Poller *poller;
    PyObject *transport, *protocol, *on_data; /* the loop's; its link; the link's callback */
    PyObject **parts;                         /* bytes that wait to be sent */
    Py_ssize_t count, room, sent, bytes;      /* `sent` of the first part; `bytes` of all */
    Py_ssize_t high;
    struct Stream *next_due, *next_over; /* see Poller */
    int fd;
    uint32_t watched;     /* epoll's events, 0 where it does not know the stream */
    char is_reading, is_closing, is_over;
    char is_full;         /* the protocol was told to pause writing */
    char is_due;          /* writes at the end of the turn */
} Stream;

struct Poller {
    PyObject_HEAD
    PyObject *call_soon;
    PyObject *soon;     /* list of what is called at the end of the turn */
    Stream *due, *over; /* that write, and that are let go of, at the end of the turn: with a reference each */
    int fd;
    char is_turning;
};

static PyObject *str_close, *str_abort, *str_pause_writing, *str_resume_writing, *str_get_extra_info;
static char buffer[READ_BYTES]; /* of the one thread that has the GIL */

/* --- one stream ---------------------------------------------------------------------------------------------------- */

/* Call a method of the loop's transport or of the link. What it raises is a defect, told where such are told. */
static void call(PyObject *object, PyObject *method) {
    PyObject *result = PyObject_CallMethodNoArgs(object, method);
    if (!result)
        PyErr_WriteUnraisable(object);
    Py_XDECREF(result);
}

static void drop(Stream *self) {
    for (Py_ssize_t i = 0; i < self->count; i++)
        Py_DECREF(self->parts[i]);
    self->count = self->sent = self->bytes = 0;
}

/* Have epoll watch what is wanted now; -1 with errno set. */
static int watch(Stream *self) {
    uint32_t wanted = self->is_over ? 0 : (self->is_reading ? EPOLLIN : 0) | (self->count ? EPOLLOUT : 0);
    if (wanted == self->watched)
        return 0;
    struct epoll_event event = {.events = wanted, .data.ptr = self};
    int how = !wanted ? EPOLL_CTL_DEL : self->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(self->poller->fd, how, self->fd, &event) && wanted)
        return -1;
    self->watched = wanted;
    return 0;
}

/* Nothing more is read or written; the loop's transport ends, which tells the link. */
static void finish(Stream *self, PyObject *how) {
    if (self->is_over)
        return;
    self->is_over = self->is_closing = 1;
    self->is_reading = 0;
    drop(self);
    watch(self);
    call(self->transport, how);
    if (self->poller->is_turning) {
        self->next_over = self->poller->over;
        self->poller->over = self;
    } else {
        Py_DECREF(self); /* who called has another */
    }
}

static void broken(Stream *self) { finish(self, str_abort); }

static void settle(Stream *self) {
    if (self->is_over)
        return;
    if (self->is_closing && !self->count) {
        finish(self, str_close);
        return;
    }
    if (watch(self)) {
        broken(self);
        return;
    }
    if (!self->is_full && self->bytes > self->high) {
        self->is_full = 1;
        call(self->protocol, str_pause_writing);
    } else if (self->is_full && self->bytes <= self->high / 4) {
        self->is_full = 0;
        call(self->protocol, str_resume_writing);
    }
}

/* The parts that were sent leave. */
static void advance(Stream *self, Py_ssize_t size) {
    Py_ssize_t whole = 0;
    self->bytes -= size;
    self->sent += size;
    while (whole < self->count && self->sent >= PyBytes_GET_SIZE(self->parts[whole])) {
        self->sent -= PyBytes_GET_SIZE(self->parts[whole]);
        Py_DECREF(self->parts[whole++]);
    }
    self->count -= whole;
    memmove(self->parts, self->parts + whole, (size_t)self->count * sizeof *self->parts);
}

/* Send what waits, as far as the socket takes it. */
static void send_out(Stream *self) {
    while (self->count) {
        struct iovec parts[PARTS];
        int count = 0;
        Py_ssize_t skipped = self->sent, offered = 0;
        for (; count < PARTS && count < self->count; count++, skipped = 0) {
            parts[count].iov_base = PyBytes_AS_STRING(self->parts[count]) + skipped;
            parts[count].iov_len = (size_t)(PyBytes_GET_SIZE(self->parts[count]) - skipped);
            offered += (Py_ssize_t)parts[count].iov_len;
        }
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
        ssize_t size = count == 1 ? send(self->fd, parts->iov_base, parts->iov_len, MSG_NOSIGNAL | MSG_DONTWAIT)
                                  : sendmsg(self->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
            broken(self);
            return;
        }
        if (size > 0)
            advance(self, size);
        if (size < offered)
            break;
    }
    settle(self);
}

/* Read once and give the callback what came. -1 where it raised what is no Exception. */
static int receive(Stream *self) {
    ssize_t size = recv(self->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (size < 0) {
        if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK)
            broken(self);
        return 0;
    }
    if (!size) { /* as a protocol has it that does not say otherwise: what is written still leaves */
        self->is_reading = 0;
        self->is_closing = 1;
        settle(self);
        return 0;
    }
    PyObject *chunk = PyBytes_FromStringAndSize(buffer, size);
    PyObject *result = chunk ? PyObject_CallOneArg(self->on_data, chunk) : NULL;
    Py_XDECREF(chunk);
    Py_XDECREF(result);
    if (result)
        return 0;
    int is_defect = PyErr_ExceptionMatches(PyExc_Exception);
    PyObject *type, *error, *trace;
    if (is_defect)
        PyErr_WriteUnraisable(self->on_data);
    PyErr_Fetch(&type, &error, &trace);
    broken(self); /* it cannot be known what became of the chunk */
    PyErr_Restore(type, error, trace);
    return is_defect ? 0 : -1;
}

static PyObject *stream_write(Stream *self, PyObject *data) {
    if (!PyBytes_CheckExact(data))
        return PyErr_Format(PyExc_TypeError, "write(data: bytes)");
    if (self->is_closing || !PyBytes_GET_SIZE(data)) /* as the loop's transports: dropped */
        Py_RETURN_NONE;
    if (self->count == self->room) {
        Py_ssize_t room = self->room ? 2 * self->room : 4;
        PyObject **parts = PyMem_Realloc(self->parts, (size_t)room * sizeof *parts);
        if (!parts)
            return PyErr_NoMemory();
        self->parts = parts;
        self->room = room;
    }
    int is_blocked = self->watched & EPOLLOUT; /* epoll says when the socket takes more */
    self->parts[self->count++] = Py_NewRef(data);
    self->bytes += PyBytes_GET_SIZE(data);
    if (is_blocked) {
        settle(self);
    } else if (!self->poller->is_turning || self->bytes > self->high) {
        send_out(self);
    } else if (!self->is_due) {
        self->is_due = 1;
        self->next_due = self->poller->due;
        self->poller->due = (Stream *)Py_NewRef(self);
    }
    Py_RETURN_NONE;
}

static PyObject *stream_pause_reading(Stream *self, PyObject *none) {
    (void)none;
    self->is_reading = 0;
    settle(self);
    Py_RETURN_NONE;
}

static PyObject *stream_resume_reading(Stream *self, PyObject *none) {
    (void)none;
    if (!self->is_closing) {
        self->is_reading = 1;
        settle(self);
    }
    Py_RETURN_NONE;
}

static PyObject *stream_close(Stream *self, PyObject *none) {
    (void)none;
    if (!self->is_closing) {
        self->is_closing = 1;
        self->is_reading = 0;
        send_out(self);
    }
    Py_RETURN_NONE;
}

static PyObject *stream_abort(Stream *self, PyObject *none) {
    (void)none;
    broken(self);
    Py_RETURN_NONE;
}

static PyObject *stream_get_extra_info(Stream *self, PyObject *name) { /* of the socket, which is the same */
    return PyObject_CallMethodOneArg(self->transport, str_get_extra_info, name);
}

static int stream_traverse(Stream *self, visitproc visit, void *arg) {
    Py_VISIT(self->poller);
    Py_VISIT(self->transport);
    Py_VISIT(self->protocol);
    Py_VISIT(self->on_data);
    return 0;
}

static int stream_clear(Stream *self) {
    drop(self);
    Py_CLEAR(self->poller);
    Py_CLEAR(self->transport);
    Py_CLEAR(self->protocol);
    Py_CLEAR(self->on_data);
    return 0;
}

static void stream_dealloc(Stream *self) {
    PyObject_GC_UnTrack(self);
    stream_clear(self);
    PyMem_Free(self->parts);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef STREAM_METHODS[] = {
    {"write", (PyCFunction)stream_write, METH_O, NULL},
    {"pause_reading", (PyCFunction)stream_pause_reading, METH_NOARGS, NULL},
    {"resume_reading", (PyCFunction)stream_resume_reading, METH_NOARGS, NULL},
    {"close", (PyCFunction)stream_close, METH_NOARGS, NULL},
    {"abort", (PyCFunction)stream_abort, METH_NOARGS, NULL},
    {"get_extra_info", (PyCFunction)stream_get_extra_info, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject STREAM = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "tidewaiter.proxy._poller.Stream",
    .tp_basicsize = sizeof(Stream),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_methods = STREAM_METHODS,
    .tp_traverse = (traverseproc)stream_traverse,
    .tp_clear = (inquiry)stream_clear,
    .tp_dealloc = (destructor)stream_dealloc,
};

/* --- the poller ---------------------------------------------------------------------------------------------------- */

/* Call what was to be called soon, all of it; -1 where one raised what is no Exception. */
static int call_soon_ones(Poller *self) {
    PyObject *type = NULL, *error = NULL, *trace = NULL;
    while (PyList_GET_SIZE(self->soon)) {
        PyObject *soon = self->soon, *fresh = PyList_New(0);
        if (!fresh)
            break;
        self->soon = fresh;
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(soon); i++) {
            PyObject *callback = PyList_GET_ITEM(soon, i), *result = PyObject_CallNoArgs(callback);
            Py_XDECREF(result);
            if (result)
                continue;
            if (type || PyErr_ExceptionMatches(PyExc_Exception))
                PyErr_WriteUnraisable(callback);
            else
                PyErr_Fetch(&type, &error, &trace);
        }
        Py_DECREF(soon);
    }
    if (type)
        PyErr_Restore(type, error, trace);
    return PyErr_Occurred() ? -1 : 0;
}

/* What was written leaves, then what was to be called is. */
static int end_turn(Poller *self) {
    self->is_turning = 0;
    while (self->due) {
        Stream *stream = self->due;
        self->due = stream->next_due;
        stream->is_due = 0;
        send_out(stream);
        Py_DECREF(stream);
    }
    while (self->over) {
        Stream *stream = self->over;
        self->over = stream->next_over;
        Py_DECREF(stream);
    }
    return call_soon_ones(self);
}

static PyObject *poller_turn(Poller *self, PyObject *none) {
    (void)none;
    struct epoll_event ready[EVENTS];
    int count = epoll_wait(self->fd, ready, EVENTS, 0), failed = 0;
    self->is_turning = 1;
    for (int i = 0; i < count && !failed; i++) {
        Stream *stream = ready[i].data.ptr;
        if (ready[i].events & (EPOLLOUT | EPOLLERR | EPOLLHUP) && stream->count) /* sending finds what is broken */
            send_out(stream);
        if (stream->is_reading) /* an error is found by reading, too */
            failed = receive(stream);
    }
    PyObject *type, *error, *trace;
    PyErr_Fetch(&type, &error, &trace);
    failed |= end_turn(self);
    if (type)
        PyErr_Restore(type, error, trace);
    return failed ? NULL : Py_NewRef(Py_None);
}

/* soon(callback): at the end of this turn; through call_soon where there is none. */
static PyObject *poller_soon(Poller *self, PyObject *callback) {
    if (!self->is_turning)
        return PyObject_CallOneArg(self->call_soon, callback);
    if (PyList_Append(self->soon, callback))
        return NULL;
    Py_RETURN_NONE;
}

/* adopt(fd, transport, protocol, on_data, is_reading, high) -> Stream. Raises OSError. */
static PyObject *poller_adopt(Poller *self, PyObject *given) {
    int fd, is_reading;
    PyObject *transport, *protocol, *on_data;
    Py_ssize_t high;
    if (!PyArg_ParseTuple(given, "iOOOpn", &fd, &transport, &protocol, &on_data, &is_reading, &high))
        return NULL;
    Stream *stream = (Stream *)STREAM.tp_alloc(&STREAM, 0);
    if (!stream)
        return NULL;
    stream->poller = (Poller *)Py_NewRef(self);
    stream->transport = Py_NewRef(transport);
    stream->protocol = Py_NewRef(protocol);
    stream->on_data = Py_NewRef(on_data);
    stream->fd = fd;
    stream->high = high;
    stream->is_reading = (char)is_reading;
    if (watch(stream)) {
        Py_DECREF(stream);
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    return Py_NewRef(stream); /* and one until it is over */
}

static PyObject *poller_fileno(Poller *self, PyObject *none) {
    (void)none;
    return PyLong_FromLong(self->fd);
}

static PyObject *poller_make(PyTypeObject *type, PyObject *given, PyObject *named) {
    PyObject *call_soon;
    if ((named && PyDict_GET_SIZE(named)) || !PyArg_ParseTuple(given, "O", &call_soon)) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_TypeError, "Poller takes no named arguments");
        return NULL;
    }
    Poller *self = (Poller *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->call_soon = Py_NewRef(call_soon);
    self->fd = epoll_create1(EPOLL_CLOEXEC);
    self->soon = PyList_New(0);
    if (self->fd < 0)
        PyErr_SetFromErrno(PyExc_OSError);
    if (self->fd < 0 || !self->soon)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static int poller_traverse(Poller *self, visitproc visit, void *arg) {
    Py_VISIT(self->call_soon);
    Py_VISIT(self->soon);
    return 0;
}

static int poller_clear(Poller *self) {
    Py_CLEAR(self->call_soon);
    Py_CLEAR(self->soon);
    return 0;
}

static void poller_dealloc(Poller *self) {
    PyObject_GC_UnTrack(self);
    poller_clear(self);
    if (self->fd >= 0)
        close(self->fd);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef POLLER_METHODS[] = {
    {"fileno", (PyCFunction)poller_fileno, METH_NOARGS, NULL},
    {"turn", (PyCFunction)poller_turn, METH_NOARGS, NULL},
    {"soon", (PyCFunction)poller_soon, METH_O, NULL},
    {"adopt", (PyCFunction)poller_adopt, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject POLLER = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "tidewaiter.proxy._poller.Poller",
    .tp_basicsize = sizeof(Poller),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_methods = POLLER_METHODS,
    .tp_new = poller_make,
    .tp_traverse = (traverseproc)poller_traverse,
    .tp_clear = (inquiry)poller_clear,
    .tp_dealloc = (destructor)poller_dealloc,
};

/* --- the module -------------------------------------------------------------------------------------------------- */

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, .m_name = "tidewaiter.proxy._poller", .m_size = -1,
};

static int make_constants(void) {
    return (str_close = PyUnicode_InternFromString("close")) && (str_abort = PyUnicode_InternFromString("abort")) &&
           (str_pause_writing = PyUnicode_InternFromString("pause_writing")) &&
           (str_resume_writing = PyUnicode_InternFromString("resume_writing")) &&
           (str_get_extra_info = PyUnicode_InternFromString("get_extra_info"));
}

PyMODINIT_FUNC PyInit__poller(void) {
    if (!make_constants() || PyType_Ready(&STREAM) || PyType_Ready(&POLLER))
        return NULL;
    PyObject *module = PyModule_Create(&MODULE);
    if (module && (PyModule_AddObjectRef(module, "Stream", (PyObject *)&STREAM) ||
                   PyModule_AddObjectRef(module, "Poller", (PyObject *)&POLLER))) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}

#else

PyMODINIT_FUNC PyInit__poller(void) {
    PyErr_SetString(PyExc_ModuleNotFoundError, "there is no epoll here");
    return NULL;
}

#endif
