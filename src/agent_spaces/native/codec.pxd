from libc.stdint cimport uint8_t


cdef class Encoder:
    cdef int count
    cdef unsigned char kinds[64]
    cdef unsigned char optional[64]
    cdef Py_ssize_t offsets[64]
    cdef Py_ssize_t sizes[64]
    cdef list classes
    cdef object row_class
    cdef readonly object reference

    cdef object encode(self, object value)


cdef class Decoder:
    cdef int count
    cdef unsigned char kinds[64]
    cdef unsigned char optional[64]
    cdef Py_ssize_t sizes[64]
    cdef list makers
    cdef object row_class
    cdef readonly object reference

    cdef object decode(self, bytes data, Py_ssize_t start, Py_ssize_t *end)
    cdef object _slow(self, bytes data, Py_ssize_t start, Py_ssize_t *end)
    cdef object _field(self, int number, const uint8_t *b, Py_ssize_t size, Py_ssize_t *at)
