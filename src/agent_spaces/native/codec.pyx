# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""BSATN of flat products: structs and argument tuples of numbers, texts, identities, times, enums and options of these.

What is not sure to be right is left to the reference form in Python, which reads or writes it after all, or says what
is wrong: so both accept the same values, give the same bytes and raise the same errors.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE, PyTuple_New, PyTuple_SET_ITEM
from cpython.unicode cimport PyUnicode_AsUTF8String, PyUnicode_DecodeUTF8
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from agent_spaces.native.slots cimport slot_offset, slot_peek

cdef extern from "Python.h":
    bint PyUnicode_CheckExact(object)
    bint PyUnicode_IS_COMPACT_ASCII(object)
    void *PyUnicode_DATA(object)
    Py_ssize_t PyUnicode_GET_LENGTH(object)
    bint PyLong_Check(object)
    long long PyLong_AsLongLongAndOverflow(object, int *overflow) except? -1
    unsigned long long PyLong_AsUnsignedLongLong(object) except? <unsigned long long>-1
    object PyObject_Vectorcall(object, PyObject **, size_t, PyObject *)
    PyObject *PyErr_Occurred()
    void PyErr_Clear()

FIELDS_MAX = 64  # of one product

cpdef enum Kind:
    BOOL = 1
    U8, I8, U16, I16, U32, I32, U64, I64, F64
    STRING, BYTES
    FIXED_BYTES  # Identity and its like: a class over so many bytes
    TIME  # an int subclass over i64
    MEMBER  # of an IntEnum, by its tag

cdef uint8_t[16] WIDTHS = [0, 1, 1, 1, 2, 2, 4, 4, 8, 8, 8, 4, 4, 0, 8, 1]


cdef class Encoder:
    """Writes instances of one class, or tuples; called like the reference, which takes over what is unusual.

    `fields` are (name, kind, optional, class or None, size of FIXED_BYTES). TypeError for a class without slots.
    """

    def __init__(self, row_class, fields, reference):
        self.row_class, self.reference, self.count, self.classes = row_class, reference, len(fields), []
        for number, (name, kind, optional, cls, size) in enumerate(fields):
            self.kinds[number], self.optional[number], self.sizes[number] = kind, optional, size
            self.classes.append(cls)
            if row_class is not None:
                self.offsets[number] = slot_offset(row_class, name)
                if self.offsets[number] < 0:
                    raise TypeError(f"{row_class.__name__} has no slot for {name}")

    def __call__(self, value):
        return self.encode(value)

    cdef object encode(self, object value):
        cdef char stack[1024]
        cdef char *base = stack
        cdef char *heap = NULL
        cdef char *bigger
        cdef Py_ssize_t used = 0, room = 1024, needed, length
        cdef int number, kind, overflow
        cdef void *raw
        cdef const char *source
        cdef object field, text
        cdef long long whole
        cdef uint64_t natural
        cdef uint32_t short
        cdef double real
        if self.row_class is None:
            if type(value) is not tuple or PyTuple_GET_SIZE(value) != self.count:
                return self.reference(value)
        elif type(value) is not self.row_class:
            return self.reference(value)
        try:
            for number in range(self.count):
                if self.row_class is None:
                    raw = <void *>PyTuple_GET_ITEM(value, number)
                else:
                    raw = slot_peek(value, self.offsets[number])
                    if raw is NULL:
                        return self.reference(value)
                field = <object>raw
                kind, text, source, length = self.kinds[number], None, NULL, 0
                if self.optional[number] and field is None:
                    kind = 0
                elif kind == Kind.STRING:
                    if not PyUnicode_CheckExact(field):
                        return self.reference(value)
                    if PyUnicode_IS_COMPACT_ASCII(field):
                        source, length = <const char *>PyUnicode_DATA(field), PyUnicode_GET_LENGTH(field)
                    else:
                        try:
                            text = PyUnicode_AsUTF8String(field)
                        except UnicodeEncodeError:
                            return self.reference(value)
                        source, length = PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text)
                elif kind == Kind.BYTES:
                    if not PyBytes_CheckExact(field):
                        return self.reference(value)
                    source, length = PyBytes_AS_STRING(field), PyBytes_GET_SIZE(field)
                elif kind == Kind.FIXED_BYTES:
                    length = self.sizes[number]
                    if type(field) is not self.classes[number] or PyBytes_GET_SIZE(field) != length:
                        return self.reference(value)
                    source = PyBytes_AS_STRING(field)
                needed = used + length + 16
                if needed > room:
                    room = needed * 2
                    if heap is NULL:
                        bigger = <char *>PyMem_Malloc(room)
                        if bigger is NULL:
                            raise MemoryError
                        memcpy(bigger, stack, used)
                    else:
                        bigger = <char *>PyMem_Realloc(heap, room)
                        if bigger is NULL:
                            raise MemoryError
                    base = heap = bigger
                if self.optional[number]:
                    base[used] = kind == 0
                    used += 1
                if kind == 0:
                    continue
                if source is not NULL:
                    if kind != Kind.FIXED_BYTES:
                        if length > 0xFFFFFFFF:
                            return self.reference(value)
                        short = <uint32_t>length
                        memcpy(base + used, &short, 4)
                        used += 4
                    memcpy(base + used, source, length)
                    used += length
                elif kind == Kind.U64:
                    if not PyLong_Check(field):
                        return self.reference(value)
                    try:
                        natural = PyLong_AsUnsignedLongLong(field)
                    except OverflowError:
                        return self.reference(value)
                    memcpy(base + used, &natural, 8)
                    used += 8
                elif kind == Kind.BOOL:
                    if field is not True and field is not False:
                        return self.reference(value)
                    base[used] = field is True
                    used += 1
                elif kind == Kind.F64:
                    if not PyFloat_CheckExact(field):
                        return self.reference(value)
                    real = PyFloat_AS_DOUBLE(field)
                    memcpy(base + used, &real, 8)
                    used += 8
                else:
                    if kind == Kind.MEMBER and type(field) is not self.classes[number] or not PyLong_Check(field):
                        return self.reference(value)
                    whole = PyLong_AsLongLongAndOverflow(field, &overflow)
                    if overflow or not _fits(kind, whole):
                        return self.reference(value)
                    memcpy(base + used, &whole, WIDTHS[kind])  # little-endian, as all machines that are built for
                    used += WIDTHS[kind]
            return PyBytes_FromStringAndSize(base, used)
        finally:
            PyMem_Free(heap)


cdef bint _fits(int kind, long long value):
    if kind == Kind.I64 or kind == Kind.TIME:
        return True
    if kind == Kind.U8 or kind == Kind.MEMBER:
        return 0 <= value <= 0xFF
    if kind == Kind.U32:
        return 0 <= value <= 0xFFFFFFFF
    if kind == Kind.U16:
        return 0 <= value <= 0xFFFF
    if kind == Kind.I8:
        return -0x80 <= value <= 0x7F
    if kind == Kind.I16:
        return -0x8000 <= value <= 0x7FFF
    return -0x80000000 <= value <= 0x7FFFFFFF


cdef class Decoder:
    """Reads instances of one class, or tuples; called like the reference, which takes over what is unusual.

    `fields` are (kind, optional, maker or None, size of FIXED_BYTES): the maker is a dict from bytes to instances and
    the function for unknown ones (FIXED_BYTES), a class (TIME) or the members by tag (MEMBER).
    """

    def __init__(self, row_class, fields, reference):
        self.row_class, self.reference, self.count, self.makers = row_class, reference, len(fields), []
        for number, (kind, optional, maker, size) in enumerate(fields):
            self.kinds[number], self.optional[number], self.sizes[number] = kind, optional, size
            self.makers.append(maker)

    def __call__(self, data, start):
        cdef Py_ssize_t end
        if type(data) is not bytes or type(start) is not int:
            return self.reference(data, start)
        value = self.decode(<bytes>data, start, &end)
        return value, end

    cdef object decode(self, bytes data, Py_ssize_t start, Py_ssize_t *end):
        """Return the value at `start` and put the offset behind it into `end`; DecodeError."""
        cdef Py_ssize_t offset = start, size = PyBytes_GET_SIZE(data)
        cdef const uint8_t *b = <const uint8_t *>PyBytes_AS_STRING(data)
        cdef tuple values
        cdef object value
        cdef int number
        if start < 0:
            return self._slow(data, start, end)
        values = PyTuple_New(self.count)
        for number in range(self.count):
            if self.optional[number]:
                if offset >= size or b[offset] > 1:
                    return self._slow(data, start, end)
                offset += 1
                if b[offset - 1] == 1:
                    Py_INCREF(None)
                    PyTuple_SET_ITEM(values, number, None)
                    continue
            value = self._field(number, b, size, &offset)
            if value is NotImplemented:
                return self._slow(data, start, end)
            Py_INCREF(value)
            PyTuple_SET_ITEM(values, number, value)
        end[0] = offset
        if self.row_class is None:
            return values
        return PyObject_Vectorcall(self.row_class, &(<PyTupleItems *>values).ob_item[0], self.count, NULL)

    cdef object _slow(self, bytes data, Py_ssize_t start, Py_ssize_t *end):
        value, end[0] = self.reference(data, start)
        return value

    cdef object _field(self, int number, const uint8_t *b, Py_ssize_t size, Py_ssize_t *at):
        """Return the value at the offset and move that on; NotImplemented if the reference has to look at it."""
        cdef int kind = self.kinds[number]
        cdef Py_ssize_t offset = at[0], width = WIDTHS[kind], length
        cdef uint64_t natural = 0
        cdef int64_t whole
        cdef double real
        cdef object found
        if kind == Kind.FIXED_BYTES:
            width = self.sizes[number]
        if width > size - offset:
            return NotImplemented
        at[0] = offset + width
        if kind == Kind.FIXED_BYTES:
            known, make = self.makers[number]
            raw = PyBytes_FromStringAndSize(<const char *>b + offset, width)
            if known is None:
                return make(raw)
            found = (<dict>known).get(raw)
            return make(raw) if found is None else found
        memcpy(&natural, b + offset, width)
        if kind == Kind.STRING or kind == Kind.BYTES:
            offset += 4
            length = <Py_ssize_t>natural
            if length > size - offset:
                return NotImplemented
            at[0] = offset + length
            if kind == Kind.BYTES:
                return PyBytes_FromStringAndSize(<const char *>b + offset, length)
            try:
                return PyUnicode_DecodeUTF8(<const char *>b + offset, length, NULL)
            except UnicodeDecodeError:
                return NotImplemented
        if kind == Kind.MEMBER:
            members = self.makers[number]
            return (<tuple>members)[natural] if natural < <uint64_t>len(<tuple>members) else NotImplemented
        if kind == Kind.TIME:
            whole = <int64_t>natural
            return self.makers[number](whole)
        if kind == Kind.BOOL:
            return NotImplemented if natural > 1 else natural == 1
        if kind == Kind.F64:
            memcpy(&real, &natural, 8)
            return real
        if kind == Kind.I64:
            return <int64_t>natural
        if kind == Kind.I32:
            return <int32_t>natural
        if kind == Kind.I16:
            return <int16_t>natural
        if kind == Kind.I8:
            return <int8_t>natural
        return natural


cdef extern from "Python.h":
    ctypedef struct PyTupleItems "PyTupleObject":
        PyObject *ob_item[1]
