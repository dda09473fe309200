# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""A call from its bytes to its place in the open group, and a group to its sockets: the usual cases.

`Database.receive_message`, `Transactions.commit`, `fan_straight` and `deliver` say the same in Python; what is not
usual is left to them before anything has been changed. Fields of the engine's classes are read at their offsets.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_SIZE
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from agent_spaces.native.codec cimport Decoder, Encoder
from agent_spaces.native.frames cimport send
from agent_spaces.native.slots cimport slot, slot_offset, slot_store

cdef extern from "Python.h":
    object PyObject_Vectorcall(object, PyObject **, size_t, PyObject *)

cdef enum:
    CALL = 3  # the tag of CallReducer among client messages
    HEAD_BYTES = 54  # of a transaction in the log: offset, reducer, time, number of changes, caller
    CHANGE_BYTES = 7  # before a row there: table, operation, length
    CHANGES_MAX = 16  # in one call; more of them are left to the Python form
    RECORD_BYTES_MAX = 1 << 24
    ARGUMENTS_MAX = 64

cdef bytes NOTHING = bytes(4)  # an array of no QuerySetUpdate

cdef object Connection, Entry, Context, Timestamp, DecodeError, ok_frame, merged

cdef struct Places:  # where fields lie, by class and name
    Py_ssize_t connection_answers, connection_positions, connection_sources, connection_subscribed
    Py_ssize_t connection_link, connection_query_sets, connection_identity, connection_connection_id
    Py_ssize_t group_position, group_answers, group_entries, group_body, group_size, group_changes, group_waiting
    Py_ssize_t entry_connections, entry_frames, entry_positions, entry_group, entry_blob
    Py_ssize_t audience_connections, audience_entry
    Py_ssize_t feed_query, feed_shared_set, feed_audiences, feed_heads, feed_tail, feed_key_of
    Py_ssize_t table_table_id, table_bit, table_encode, table_watched, table_is_special
    Py_ssize_t callee_decode, callee_function, callee_name, callee_number
    Py_ssize_t committer_group, committer_offset, committer_failed, committer_awake, committer_start_bytes

cdef Places at


cdef Py_ssize_t _place(cls, str name) except -1:
    cdef Py_ssize_t offset = slot_offset(cls, name)
    if offset < 0:
        raise TypeError(f"{cls.__name__} has no slot {name}")
    return offset


def bind(names):
    """Learn the engine's classes and functions, by name, and where the fields of the classes lie; once."""
    global Connection, Entry, Context, Timestamp, DecodeError, ok_frame, merged
    Connection, Entry = names["Connection"], names["Entry"]
    Context, Timestamp, DecodeError = (names[each] for each in ("Context", "Timestamp", "DecodeError"))
    ok_frame, merged = names["ok_frame"], names["merged"]
    at.connection_answers = _place(names["Connection"], "answers")
    at.connection_positions = _place(names["Connection"], "positions")
    at.connection_sources = _place(names["Connection"], "sources")
    at.connection_subscribed = _place(names["Connection"], "subscribed")
    at.connection_link = _place(names["Connection"], "link")
    at.connection_query_sets = _place(names["Connection"], "query_sets")
    at.connection_identity = _place(names["Connection"], "identity")
    at.connection_connection_id = _place(names["Connection"], "connection_id")
    at.group_position = _place(names["Group"], "position")
    at.group_answers = _place(names["Group"], "answers")
    at.group_entries = _place(names["Group"], "entries")
    at.group_body = _place(names["Group"], "body")
    at.group_size = _place(names["Group"], "size")
    at.group_changes = _place(names["Group"], "changes")
    at.group_waiting = _place(names["Group"], "waiting")
    at.entry_connections = _place(names["Entry"], "connections")
    at.entry_frames = _place(names["Entry"], "frames")
    at.entry_positions = _place(names["Entry"], "positions")
    at.entry_group = _place(names["Entry"], "group")
    at.entry_blob = _place(names["Entry"], "_blob")
    at.audience_connections = _place(names["Audience"], "connections")
    at.audience_entry = _place(names["Audience"], "entry")
    at.feed_query = _place(names["Feed"], "query")
    at.feed_shared_set = _place(names["Feed"], "shared_set")
    at.feed_audiences = _place(names["Feed"], "audiences")
    at.feed_heads = _place(names["Feed"], "heads")
    at.feed_tail = _place(names["Feed"], "tail")
    at.feed_key_of = _place(names["Feed"], "key_of")
    at.table_table_id = _place(names["EngineTable"], "table_id")
    at.table_bit = _place(names["EngineTable"], "bit")
    at.table_encode = _place(names["EngineTable"], "encode")
    at.table_watched = _place(names["EngineTable"], "watched")
    at.table_is_special = _place(names["EngineTable"], "is_special")
    at.callee_decode = _place(names["Callee"], "decode")
    at.callee_function = _place(names["Callee"], "function")
    at.callee_name = _place(names["Callee"], "name")
    at.callee_number = _place(names["Callee"], "number")
    at.committer_group = _place(names["Committer"], "group")
    at.committer_offset = _place(names["Committer"], "offset")
    at.committer_failed = _place(names["Committer"], "failed")
    at.committer_awake = _place(names["Committer"], "awake")
    at.committer_start_bytes = _place(names["Committer"], "start_bytes")


cdef class CallPath:
    """The way of calls into one database."""

    cdef object database, committer, transactions, subscriptions, reference, now, identity, access
    cdef dict open, direct
    cdef list journal
    cdef set drawn

    def __init__(self, database, committer, transactions, subscriptions, tables, open, direct, now):
        self.database, self.committer, self.transactions = database, committer, transactions
        self.subscriptions, self.reference, self.now = subscriptions, database.receive_message, now
        self.identity, self.access = database.identity, tables.access
        self.open, self.direct, self.journal, self.drawn = open, direct, tables.journal, tables.drawn

    def receive(self, connection, payload, Py_ssize_t offset=0):
        """Take one client message; return the offset behind it. DecodeError: close the connection with 1011."""
        cdef const uint8_t *b
        cdef Py_ssize_t size, name_end, start, end, stop
        cdef uint32_t request_id, length
        cdef object callee, decode, sender, timestamp, context, own
        cdef tuple args
        if type(payload) is not bytes or type(connection) is not Connection:
            return self.reference(connection, payload, offset)
        b, size = <const uint8_t *>PyBytes_AS_STRING(payload), PyBytes_GET_SIZE(payload)
        if offset < 0 or size - offset < 14 or b[offset] != CALL or b[offset + 5]:
            return self.reference(connection, payload, offset)
        memcpy(&request_id, b + offset + 1, 4)
        memcpy(&length, b + offset + 6, 4)
        name_end = offset + 10 + length
        if name_end > size - 4:
            return self.reference(connection, payload, offset)
        memcpy(&length, b + name_end, 4)
        start = name_end + 4
        end = start + length
        if end > size:
            return self.reference(connection, payload, offset)
        callee = self.open.get(PyBytes_FromStringAndSize(<const char *>b + offset + 10, name_end - offset - 10))
        if callee is None or slot(self.committer, at.committer_failed) is not None:
            return self.reference(connection, payload, offset)
        decode = slot(callee, at.callee_decode)
        if type(decode) is not Decoder:
            return self.reference(connection, payload, offset)
        try:
            args = (<Decoder>decode).decode(<bytes>payload, start, &stop)
        except DecodeError:
            return self.reference(connection, payload, offset)
        if stop > end:
            return self.reference(connection, payload, offset)
        timestamp = Timestamp(self.now())
        sender = slot(connection, at.connection_identity)
        try:
            context = Context(
                sender, timestamp, slot(connection, at.connection_connection_id), self.identity, self.access,
                slot(callee, at.callee_name), PyBytes_FromStringAndSize(<const char *>b + start, stop - start),
            )
            _call(slot(callee, at.callee_function), context, args)
            own = self.commit(slot(callee, at.callee_number), timestamp, sender, connection)
        except BaseException as error:
            self.database.call_failed(connection, request_id, timestamp, callee, error)
            return end
        self.answer(connection, request_id, timestamp, own)
        return end

    cdef int answer(self, object connection, uint32_t request_id, object timestamp, bytes own) except -1:
        cdef object group = slot(self.committer, at.committer_group), position = slot(group, at.group_position), frame
        cdef int64_t time = timestamp
        cdef char[25] out
        slot_store(group, at.group_position, position + 2)
        if PyBytes_GET_SIZE(own) == 4 and memcmp(PyBytes_AS_STRING(own), PyBytes_AS_STRING(NOTHING), 4) == 0:
            memcpy(out, b"\x82\x17\x00\x06", 4)
            memcpy(out + 4, &request_id, 4)
            memcpy(out + 8, &time, 8)
            memcpy(out + 16, b"\0\0\0\0\0\0\0\0\0", 9)
            frame = PyBytes_FromStringAndSize(out, 25)
        else:
            frame = ok_frame(request_id, timestamp, own)
        (<list>slot(group, at.group_answers)).append((connection, position, frame))
        if slot(self.committer, at.committer_awake) is False:
            self.committer.wake()
        return 0

    cdef bytes commit(self, object number, object timestamp, object sender, object caller):
        """Put the open transaction into the open group; return the caller's array of QuerySetUpdate."""
        cdef list changes = self.journal, rows = []
        cdef object group = slot(self.committer, at.committer_group), table, new, encode, only = None
        cdef tuple change
        cdef bytes row, own = NOTHING, record
        cdef uint64_t seen = 0, bit
        cdef Py_ssize_t size = HEAD_BYTES, group_bytes = slot(group, at.group_size), watched = 0
        cdef int place = 0, count = <int>PyList_GET_SIZE(changes)
        if count == 0 and not self.drawn:
            return NOTHING
        if self.drawn or count > CHANGES_MAX:
            return self.transactions.commit(number, timestamp, sender, caller)
        for change in changes:
            table, new = change[0], change[2]
            bit = slot(table, at.table_bit)
            if new is None or seen & bit or slot(table, at.table_is_special) is True:
                return self.transactions.commit(number, timestamp, sender, caller)
            seen |= bit
        for change in changes:
            table, new = change[0], change[2]
            encode = slot(table, at.table_encode)
            row = (<Encoder>encode).encode(new) if type(encode) is Encoder else encode(new)
            rows.append(row)
            size += CHANGE_BYTES + PyBytes_GET_SIZE(row)
            if slot(table, at.table_watched) is True:
                watched += 1
                only = (table, change[1], new, row)
        if size > RECORD_BYTES_MAX:
            return self.transactions.commit(number, timestamp, sender, caller)
        if group_bytes > <Py_ssize_t>slot(self.committer, at.committer_start_bytes):
            self.committer.overflow()
            group = slot(self.committer, at.committer_group)
            group_bytes = slot(group, at.group_size)
        record = self.record(number, timestamp, sender, changes, rows, size)
        (<list>slot(group, at.group_body)).append(record)
        slot_store(group, at.group_size, group_bytes + size)
        (<list>slot(group, at.group_changes)).extend(changes)
        slot_store(self.committer, at.committer_offset, slot(self.committer, at.committer_offset) + 1)
        if watched:
            try:
                if watched == 1:
                    own = self.publish(group, only, caller)
                else:
                    parts = [
                        (change[0], change[1], change[2], row)
                        for change, row in zip(changes, rows)
                        if slot(change[0], at.table_watched) is True
                    ]
                    own = self.subscriptions.publish(group, slot(group, at.group_position), parts, caller)
            except Exception as error:
                self.committer.halt(error)
                raise
        changes.clear()
        return own

    cdef bytes record(self, object number, object timestamp, object sender, list changes, list rows, Py_ssize_t size):
        """Return the transaction as it stands in the log."""
        cdef bytes record = PyBytes_FromStringAndSize(NULL, size), row
        cdef char *out = PyBytes_AS_STRING(record)
        cdef uint64_t offset = slot(self.committer, at.committer_offset)
        cdef int64_t time = timestamp
        cdef uint32_t count = <uint32_t>PyList_GET_SIZE(changes), length
        cdef uint16_t short = number
        cdef int place
        assert type(sender).size == 32, "callers are identities"
        memcpy(out, &offset, 8)
        memcpy(out + 8, &short, 2)
        memcpy(out + 10, &time, 8)
        memcpy(out + 18, &count, 4)
        memcpy(out + 22, PyBytes_AS_STRING(sender), 32)
        out += HEAD_BYTES
        for place in range(<int>count):
            row = <bytes>rows[place]
            short, length = slot((<tuple>changes[place])[0], at.table_table_id), <uint32_t>PyBytes_GET_SIZE(row)
            memcpy(out, &short, 2)
            out[2] = 0
            memcpy(out + 3, &length, 4)
            memcpy(out + CHANGE_BYTES, PyBytes_AS_STRING(row), length)
            out += CHANGE_BYTES + length
        return record

    cdef bytes publish(self, object group, tuple change, object caller):
        """Queue what everybody gets of the only watched change."""
        cdef object direct, value, feed
        cdef bytes own
        if change[1] is None:
            direct = self.direct.get(change[0])
            if direct is not None:
                value = direct[0](change[2])
                feed = (<dict>direct[1]).get(value)
                if feed is not None:
                    own = _fan_straight(group, feed, change[2], <bytes>change[3], caller)
                    if own is not None:
                        return own
                elif value not in <dict>direct[2]:
                    return NOTHING
        return self.subscriptions.publish(group, slot(group, at.group_position), [change], caller)


cdef object _call(object function, object context, tuple args):
    """Return function(context, *args)."""
    cdef PyObject *stack[ARGUMENTS_MAX + 1]
    cdef Py_ssize_t count = PyTuple_GET_SIZE(args), place
    if count > ARGUMENTS_MAX:
        return function(context, *args)
    stack[0] = <PyObject *>context
    for place in range(count):
        stack[place + 1] = <PyObject *>PyTuple_GET_ITEM(args, place)
    return PyObject_Vectorcall(function, stack, count + 1, NULL)


cdef bytes _fan_straight(object group, object feed, object row, bytes data, object caller):
    """Do what fan_straight does: one look-up, one frame, one place in the group; None, and nothing, if it is not so."""
    cdef object shared = slot(feed, at.feed_shared_set), key = slot(feed, at.feed_key_of)(row), audience, entry
    cdef object position = slot(group, at.group_position)
    cdef list connections
    cdef bytes head, tail = slot(feed, at.feed_tail), frame, own = NOTHING
    cdef Py_ssize_t head_size, size = PyBytes_GET_SIZE(data), tail_size = PyBytes_GET_SIZE(tail)
    cdef char *out
    audience = (<dict>slot(feed, at.feed_audiences)).get(key)
    if audience is None or shared.owners:
        return None
    connections = slot(audience, at.audience_connections)
    if PyList_GET_SIZE(connections) == 0:
        return NOTHING
    head = (<dict>slot(feed, at.feed_heads)).get(size)
    if head is None:
        head = feed.head(data)
    head_size = PyBytes_GET_SIZE(head)
    frame = PyBytes_FromStringAndSize(NULL, head_size + size + tail_size)
    out = PyBytes_AS_STRING(frame)
    memcpy(out, PyBytes_AS_STRING(head), head_size)
    memcpy(out + head_size, PyBytes_AS_STRING(data), size)
    memcpy(out + head_size + size, PyBytes_AS_STRING(tail), tail_size)
    if caller is not None and slot(caller, at.connection_query_sets) and shared.reaches(
        caller, slot(feed, at.feed_query).scope.space, key
    ):
        own = frame[(10 if frame[1] == 127 else 4 if frame[1] == 126 else 2) + 2 :]
        if PyList_GET_SIZE(connections) == 1:
            return own
    entry = slot(audience, at.audience_entry)
    if entry is None or slot(entry, at.entry_group) is not group:
        entry = Entry(group, connections)
        slot_store(audience, at.audience_entry, entry)
    (<list>slot(entry, at.entry_frames)).append(frame)
    (<list>slot(entry, at.entry_positions)).append(position)
    return own


def deliver(group):
    """Tell everybody, one write a connection; those who await an answer of their own come first."""
    cdef list callers = [], listeners = [], answers, sources, entries = slot(group, at.group_entries)
    cdef bint mixed = PyList_GET_SIZE(entries) != 1
    cdef object connection, entry, blob
    cdef tuple answer
    for future, result, _ in slot(group, at.group_waiting):
        if not future.done():
            future.set_result(result)
    for answer in <list>slot(group, at.group_answers):
        connection = answer[0]
        answers = slot(connection, at.connection_answers)
        if not answers:
            callers.append(connection)
        answers.append(answer[2])
        if slot(connection, at.connection_subscribed) is True:
            (<list>slot(connection, at.connection_positions)).append(answer[1])
            mixed = True
    if mixed:
        for entry in entries:
            for connection in slot(entry, at.entry_connections):
                sources = slot(connection, at.connection_sources)
                if not sources:
                    listeners.append(connection)
                sources.append(entry)
    for connection in callers:
        answers, sources = slot(connection, at.connection_answers), slot(connection, at.connection_sources)
        if sources:
            blob = merged(connection)
            sources.clear()
        else:
            blob = answers[0] if len(answers) == 1 else b"".join(answers)
        answers.clear()
        (<list>slot(connection, at.connection_positions)).clear()
        send(slot(connection, at.connection_link), blob)
    for connection in listeners:
        sources = slot(connection, at.connection_sources)
        if sources:
            blob = _blob(sources[0]) if len(sources) == 1 else merged(connection)
            sources.clear()
            send(slot(connection, at.connection_link), blob)
    if not mixed:
        blob = _blob(entries[0])
        for connection in slot(entries[0], at.entry_connections):
            send(slot(connection, at.connection_link), blob)
    group.dissolve()


cdef bytes _blob(object entry):
    cdef object blob = slot(entry, at.entry_blob)
    return entry.blob() if blob is None else blob
