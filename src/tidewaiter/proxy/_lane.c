/* The steady path of a session in C: one known, plain statement at a time, from the client's chunk to its entry.
 *
 * What is done is defined by rounds.py, Answers.feed_round and Trail.outcome, and for a Parse by Asks, which do the same
 * where this module is not, and take over wherever anything is in the least unusual. Nothing is judged here and no judgement is kept:
 * Rounds.plain is asked for each statement. The lane takes chunks only while it is armed, which the session does when
 * everything in it is at rest; whatever the lane does not take disarms it, after what it holds has been handed over.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <structmember.h>
#include <time.h>

#include "../ledger/_append.h"
#include "_messages.h"

static const Appending *appending; /* NULL where the ledger's batch is not the one in C */
static PyTypeObject *batch_type;
static PyObject *str_write, *str_text, *str_oids, *str_members, *no_bytes, *no_oids;

/* What is called, what is read, and the statement that is under way: `owes` is NOTHING while there is none. */
typedef struct {
    PyObject_HEAD
    PyObject *ask, *answer, *fail;         /* the session's long roads: chunk, chunk, exception */
    PyObject *plain;                       /* Rounds.plain(text) */
    PyObject *went, *done;                 /* Rounds.went, Rounds.done: see of_statement */
    PyObject *ran;                         /* Trail.ran(members, body, rows), for what `batch` does not take */
    PyObject *batch;                       /* the ledger's, None where it is not the one in C */
    PyObject *counted;                     /* Trail.counted(statements, rows), of what went to `batch` */
    PyObject *say_now, *written, *said;    /* Outlet.say_now(answer), Recorder.written, Outlet.said */
    PyObject *clock_us;                    /* None for the system's */
    PyObject *server;                      /* its link */
    PyObject *known, *unsaid, *who;        /* Names.statements, Outlet.unsaid, what every entry says */
    PyObject *judged, *statement, *text, *oids, *binds; /* of what is under way; `statement` if it has a name */
    long long began_us;
    Py_ssize_t most_bytes;
    long long statements, rows; /* that were not told to `counted` yet */
    int owes;
    char is_armed, is_busy, keeps_binds; /* is_busy: what is under way went to the server */
    char is_parsed;                      /* what is under way began with a Parse of the unnamed statement */
    char status;                         /* I, or T in a transaction: what it must end with */
} Lane;

/* The system's monotonic clock, as Python reads it. */
static long long system_us(void) {
#ifdef __APPLE__
    return (long long)(clock_gettime_nsec_np(CLOCK_UPTIME_RAW) / 1000);
#else
    struct timespec now; /* which cannot fail for this clock */
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
#endif
}

static int now_us(Lane *self, long long *at) {
    if (self->clock_us == Py_None) {
        *at = system_us();
        return 0;
    }
    PyObject *now = PyObject_CallNoArgs(self->clock_us);
    if (!now)
        return -1;
    *at = PyLong_AsLongLong(now);
    Py_DECREF(now);
    return *at == -1 && PyErr_Occurred() ? -1 : 0;
}

static int called(PyObject *result) {
    Py_XDECREF(result);
    return result ? 0 : -1;
}

/* --- the statement under way ------------------------------------------------------------------------------------- */

static Py_ssize_t busy; /* lanes with a statement under way, of all sessions */

static void forget(Lane *self) {
    busy -= self->is_busy;
    self->is_busy = self->is_parsed = 0;
    self->owes = NOTHING;
    Py_CLEAR(self->judged);
    Py_CLEAR(self->statement);
    Py_CLEAR(self->text);
    Py_CLEAR(self->oids);
    Py_CLEAR(self->binds);
}

/* (owes, is_parsed, statement or None, judged, text, binds, oids, began) of what is under way. */
static PyObject *of_statement(const Lane *self) {
    return Py_BuildValue("(iOOOOOOL)", self->owes, self->is_parsed ? Py_True : Py_False,
                         self->statement ? self->statement : Py_None, self->judged, self->text, self->binds,
                         self->oids, self->began_us);
}

/* Take nothing more; what is under way goes on in Python, as if it had been taken there. */
static int disarm(Lane *self) {
    self->is_armed = 0;
    if (self->statements) {
        PyObject *told = PyObject_CallFunction(self->counted, "LL", self->statements, self->rows);
        self->statements = self->rows = 0;
        if (called(told))
            return -1;
    }
    if (self->owes == NOTHING)
        return 0;
    PyObject *given = of_statement(self);
    forget(self);
    int failed = given ? called(PyObject_CallObject(self->went, given)) : -1;
    Py_XDECREF(given);
    return failed;
}

/* --- client → server --------------------------------------------------------------------------------------------- */

/* The type OIDs at the end of a Parse: how many, and they. NULL with an exception. */
static PyObject *oids_at(const byte *at, Py_ssize_t count) {
    PyObject *oids = PyTuple_New(count);
    for (Py_ssize_t i = 0; oids && i < count; i++, at += 4) {
        PyObject *oid = PyLong_FromUnsignedLong((unsigned long)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3]);
        if (!oid)
            Py_CLEAR(oids);
        else
            PyTuple_SET_ITEM(oids, i, oid);
    }
    return oids;
}

/* Note text and type OIDs of a Parse of the unnamed statement: where the next message begins, 0 if that is not what it is,
 * -1 on exceptions. */
static Py_ssize_t read_parse(Lane *self, const byte *data, Py_ssize_t size) {
    Py_ssize_t end = whole(data, data + size);
    if (end < HEADER + 4 || data[HEADER])
        return 0;
    const byte *text = data + HEADER + 1, *text_end = memchr(text, 0, (size_t)(end - HEADER - 1));
    if (!text_end || data + end - text_end < 3)
        return 0;
    Py_ssize_t count = text_end[1] << 8 | text_end[2];
    if (data + end - text_end != 3 + 4 * count)
        return 0;
    self->is_parsed = 1;
    self->text = PyBytes_FromStringAndSize((const char *)text, text_end - text);
    self->oids = self->text ? oids_at(text_end + 3, count) : NULL;
    return self->oids ? end : -1;
}

/* Note text and type OIDs of a statement that is known by name; see recognise. */
static int read_known(Lane *self, const char *at, Py_ssize_t size) {
    PyObject *name = PyBytes_FromStringAndSize(at, size);
    if (!name)
        return -1;
    self->statement = Py_XNewRef(PyDict_GetItemWithError(self->known, name));
    Py_DECREF(name);
    if (!self->statement)
        return PyErr_Occurred() ? -1 : 0;
    self->text = PyObject_GetAttr(self->statement, str_text);
    self->oids = self->text ? PyObject_GetAttr(self->statement, str_oids) : NULL;
    return self->oids ? 1 : -1;
}

/* Note text, type OIDs and parameters of what a chunk asks for: 1 if it is one statement, 0 if not, -1 on exceptions. */
static int recognise(Lane *self, const byte *data, Py_ssize_t size) {
    Py_ssize_t name_end, body_end, parsed = 0;
    if (data[0] == 'Q') {
        if (length_at(data) != size || memchr(data + HEADER, 0, (size_t)(size - HEADER)) != data + size - 1)
            return 0;
        self->owes = QUERY;
        self->oids = Py_NewRef(no_oids);
        self->binds = Py_NewRef(no_bytes);
        self->text = PyBytes_FromStringAndSize((const char *)data + HEADER, size - HEADER - 1);
        return self->text ? 1 : -1;
    }
    if (data[0] == 'P' && (parsed = read_parse(self, data, size)) <= 0)
        return (int)parsed;
    data += parsed;
    if (parsed == size || data[0] != 'B' || !(self->owes = round_of(data, size - parsed, &name_end, &body_end)))
        return 0;
    Py_ssize_t name = HEADER + 1;
    int is_found = parsed ? name == name_end : read_known(self, (const char *)data + name, name_end - name);
    if (is_found <= 0)
        return is_found;
    self->binds = PyBytes_FromStringAndSize((const char *)data + name_end + 1, body_end - name_end - 1);
    if (!self->binds)
        return -1;
    return PyBytes_CheckExact(self->text) && PyBytes_GET_SIZE(self->text) && PyTuple_CheckExact(self->oids);
}

/* Judge and forward a chunk that is one plain statement: 1 then, 0 for every other, -1 with an exception. */
static int take(Lane *self, PyObject *chunk) {
    Py_ssize_t size = PyBytes_GET_SIZE(chunk);
    if (size <= HEADER || size > self->most_bytes)
        return 0;
    int is_taken = recognise(self, (const byte *)PyBytes_AS_STRING(chunk), size);
    if (is_taken > 0) {
        self->judged = PyObject_CallOneArg(self->plain, self->text);
        is_taken = !self->judged ? -1 : self->judged != Py_None;
    }
    if (is_taken > 0 && now_us(self, &self->began_us))
        is_taken = -1;
    if (is_taken <= 0) {
        forget(self);
        return is_taken;
    }
    self->is_busy = 1;
    busy++;
    return called(PyObject_CallMethodOneArg(self->server, str_write, chunk)) ? -1 : 1;
}

/* --- server → client --------------------------------------------------------------------------------------------- */

#define AROUND ",,\"binds\":,\"status\":\"ok\",\"results\":[[\"\",]],\"rows\":,\"bytes\":,\"duration_us\":"

/* What the members of an execution's entry need at most; `judged` are those of its judgement. */
static size_t members_most(const Lane *self, PyObject *judged, const Told *told) {
    return (size_t)(PyBytes_GET_SIZE(self->who) + PyBytes_GET_SIZE(judged) + told->tag_bytes) + sizeof AROUND + 5 * DIGITS;
}

/* They; see proxy/trail.py, Trail.outcome. */
static byte *put_members(const Lane *self, byte *at, PyObject *judged, const Told *told, long long duration_us) {
    at = put_bytes(PUT(put_bytes(at, self->who), ","), judged);
    if (PyBytes_GET_SIZE(self->binds)) {
        const byte *binds = (const byte *)PyBytes_AS_STRING(self->binds);
        at = put_int(PUT(at, ",\"binds\":"), count(binds, PyBytes_GET_SIZE(self->binds)));
    }
    at = put(PUT(at, ",\"status\":\"ok\",\"results\":[[\""), told->tag, (size_t)told->tag_bytes);
    at = PUT(put_int(PUT(at, "\","), told->rows), "]]");
    at = put_int(PUT(at, ",\"rows\":"), told->rows);
    at = put_int(PUT(at, ",\"bytes\":"), told->bytes);
    return put_int(PUT(at, ",\"duration_us\":"), duration_us);
}

/* Append the entry of the statement under way to the ledger's batch: 1 then, 0 where it does not take it now. */
static int append(Lane *self, PyObject *judged, PyObject *binds, const Told *told, long long duration_us) {
    Begun begun;
    size_t size = body_size(self->text, binds, self->oids);
    byte *members, *end;
    if (self->batch == Py_None || !size ||
        !(members = appending->begin(self->batch, &begun, "execution", 9, members_most(self, judged, told), size)))
        return 0;
    end = put_members(self, members, judged, told, duration_us);
    if (!put_body(appending->body(self->batch, end, size), self->text, binds, self->oids) ||
        appending->append(self->batch, &begun, end, size))
        return 0;
    self->statements++;
    self->rows += told->rows;
    return 1;
}

/* Record it the long way, which knows what to do with what is unusual, and what to raise. */
static int record(Lane *self, PyObject *judged, PyObject *binds, const Told *told, long long duration_us) {
    PyErr_Clear();
    PyObject *members = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)members_most(self, judged, told));
    if (members) {
        byte *start = (byte *)PyBytes_AS_STRING(members);
        _PyBytes_Resize(&members, put_members(self, start, judged, told, duration_us) - start);
    }
    PyObject *given[] = {members, members ? body_of(self->text, binds, self->oids) : NULL, NULL};
    if (given[1])
        given[2] = PyLong_FromLongLong(told->rows);
    int failed = given[2] ? called(PyObject_Vectorcall(self->ran, given, 3, NULL)) : -1;
    for (int i = 0; i < 3; i++)
        Py_XDECREF(given[i]);
    return failed;
}

/* Let the client have the answer when the entry is written: at the end of the event loop's turn, in one write with
 * others', or now, where no other statement is under way whose answer could come meanwhile. */
static int say(Lane *self, PyObject *chunk) {
    if (!busy && !PyList_GET_SIZE(self->unsaid))
        return called(PyObject_CallOneArg(self->say_now, chunk));
    if (PyList_Append(self->unsaid, chunk))
        return -1;
    return PyList_GET_SIZE(self->unsaid) > 1 ? 0 : called(PyObject_CallOneArg(self->written, self->said));
}

/* Record the statement under way with its answer: 1 if the chunk is all of it, 0 if it is not, -1 with an exception. */
static int settle(Lane *self, PyObject *chunk) {
    Told told;
    long long ended_us;
    if (!read_answer(self->owes, self->is_parsed, self->status, (const byte *)PyBytes_AS_STRING(chunk), PyBytes_GET_SIZE(chunk), &told))
        return 0;
    PyObject *judged = PyObject_GetAttr(self->judged, str_members), *binds = self->keeps_binds ? self->binds : no_bytes;
    PyObject *done = self->is_parsed || self->status != 'I' ? of_statement(self) : NULL;
    int failed = !judged || PyErr_Occurred() || now_us(self, &ended_us);
    if (!failed && !PyBytes_CheckExact(judged)) {
        PyErr_SetString(PyExc_TypeError, "a judgement's members are bytes");
        failed = -1;
    }
    if (!failed && !append(self, judged, binds, &told, ended_us - self->began_us))
        failed = record(self, judged, binds, &told, ended_us - self->began_us);
    forget(self); /* the server owes nothing any more, whatever becomes of the entry */
    if (!failed && done)
        failed = called(PyObject_CallObject(self->done, done));
    Py_XDECREF(done);
    Py_XDECREF(judged);
    return failed || say(self, chunk) ? -1 : 1;
}

/* --- the object -------------------------------------------------------------------------------------------------- */

/* A defect never lets traffic through: the session ends, as it does when one comes up on the long road. */
static PyObject *fail(Lane *self) {
    PyObject *type, *error, *trace;
    if (!PyErr_ExceptionMatches(PyExc_Exception))
        return NULL;
    PyErr_Fetch(&type, &error, &trace);
    PyErr_NormalizeException(&type, &error, &trace);
    PyObject *result = PyObject_CallOneArg(self->fail, error);
    Py_XDECREF(type);
    Py_XDECREF(error);
    Py_XDECREF(trace);
    return result;
}

/* A chunk for the long road, if it was not taken; what is under way is there before it. */
static PyObject *on_long_road(Lane *self, int is_taken, PyObject *road, PyObject *chunk) {
    if (is_taken > 0)
        Py_RETURN_NONE;
    if (is_taken < 0 || disarm(self))
        return fail(self);
    return PyObject_CallOneArg(road, chunk);
}

static PyObject *lane_asked(Lane *self, PyObject *chunk) {
    int may_take = self->is_armed && self->owes == NOTHING && PyBytes_CheckExact(chunk);
    return on_long_road(self, may_take ? take(self, chunk) : 0, self->ask, chunk);
}

static PyObject *lane_answered(Lane *self, PyObject *chunk) {
    int may_settle = self->owes != NOTHING && PyBytes_CheckExact(chunk);
    return on_long_road(self, may_settle ? settle(self, chunk) : 0, self->answer, chunk);
}

static PyObject *lane_arm(Lane *self, PyObject *in_transaction) {
    int is_in = PyObject_IsTrue(in_transaction);
    if (is_in < 0)
        return NULL;
    self->status = is_in ? 'T' : 'I';
    self->is_armed = 1;
    Py_RETURN_NONE;
}

static PyObject *lane_disarm(Lane *self, PyObject *none) {
    (void)none;
    if (disarm(self))
        return NULL;
    Py_RETURN_NONE;
}

#define OBJECTS ((offsetof(Lane, began_us) - offsetof(Lane, ask)) / sizeof(PyObject *))

static PyObject **objects(Lane *self) {
    return &self->ask;
}

static int lane_traverse(Lane *self, visitproc visit, void *arg) {
    for (size_t i = 0; i < OBJECTS; i++)
        Py_VISIT(objects(self)[i]);
    return 0;
}

static int lane_clear(Lane *self) {
    self->is_armed = 0;
    forget(self);
    for (size_t i = 0; i < OBJECTS; i++)
        Py_CLEAR(objects(self)[i]);
    return 0;
}

static void lane_dealloc(Lane *self) {
    PyObject_GC_UnTrack(self);
    lane_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyObject *lane_make(PyTypeObject *type, PyObject *given, PyObject *named) {
    static char *NAMES[] = {"ask", "answer", "fail", "plain", "went", "done", "ran", "batch", "counted", "say_now", "written", "said", "clock_us",
                            "server", "known", "unsaid", "who", "most_bytes", "keeps_binds", NULL};
    Lane *self = (Lane *)type->tp_alloc(type, 0);
    int keeps_binds;
    if (!self)
        return NULL;
    if (!PyArg_ParseTupleAndKeywords(
            given, named, "$OOOOOOOOOOOOOOO!O!Snp", NAMES, &self->ask, &self->answer, &self->fail, &self->plain,
            &self->went, &self->done, &self->ran, &self->batch, &self->counted, &self->say_now, &self->written, &self->said, &self->clock_us, &self->server,
            &PyDict_Type, &self->known, &PyList_Type, &self->unsaid, &self->who, &self->most_bytes, &keeps_binds)) {
        memset(&self->ask, 0, OBJECTS * sizeof(PyObject *)); /* they were borrowed */
        Py_DECREF(self);
        return NULL;
    }
    if (!appending || Py_TYPE(self->batch) != batch_type)
        self->batch = Py_None;
    for (size_t i = 0; i < OBJECTS; i++)
        Py_XINCREF(objects(self)[i]);
    self->keeps_binds = (char)keeps_binds;
    return (PyObject *)self;
}

static PyMethodDef METHODS[] = {
    {"asked", (PyCFunction)lane_asked, METH_O, NULL},
    {"answered", (PyCFunction)lane_answered, METH_O, NULL},
    {"arm", (PyCFunction)lane_arm, METH_O, NULL},
    {"disarm", (PyCFunction)lane_disarm, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef MEMBERS[] = {
    {"is_busy", T_BOOL, offsetof(Lane, is_busy), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyTypeObject LANE = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "tidewaiter.proxy._lane.Lane",
    .tp_basicsize = sizeof(Lane),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_methods = METHODS,
    .tp_members = MEMBERS,
    .tp_new = lane_make,
    .tp_traverse = (traverseproc)lane_traverse,
    .tp_clear = (inquiry)lane_clear,
    .tp_dealloc = (destructor)lane_dealloc,
};

/* --- the module -------------------------------------------------------------------------------------------------- */

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, .m_name = "tidewaiter.proxy._lane", .m_size = -1,
};

static int make_constants(void) {
    return (str_write = PyUnicode_InternFromString("write")) && (str_text = PyUnicode_InternFromString("text")) &&
           (str_oids = PyUnicode_InternFromString("oids")) && (str_members = PyUnicode_InternFromString("members")) &&
           (no_bytes = PyBytes_FromStringAndSize(NULL, 0)) && (no_oids = PyTuple_New(0));
}

/* Find the ledger's batch, if it is there. */
static int find_batch(void) {
    PyObject *module = PyImport_ImportModule("tidewaiter.ledger._crypto");
    if (!module) {
        if (!PyErr_ExceptionMatches(PyExc_ModuleNotFoundError))
            return -1;
        PyErr_Clear();
        return 0;
    }
    PyObject *capsule = PyObject_GetAttrString(module, "appending");
    batch_type = (PyTypeObject *)PyObject_GetAttrString(module, "Batch");
    Py_DECREF(module);
    appending = capsule && batch_type ? PyCapsule_GetPointer(capsule, APPENDING_NAME) : NULL;
    Py_XDECREF(capsule); /* what it points at is the module's, which stays */
    return appending ? 0 : -1;
}

PyMODINIT_FUNC PyInit__lane(void) {
    if (!make_constants() || find_batch() || PyType_Ready(&LANE))
        return NULL;
    PyObject *module = PyModule_Create(&MODULE);
    if (module && PyModule_AddObjectRef(module, "Lane", (PyObject *)&LANE)) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
