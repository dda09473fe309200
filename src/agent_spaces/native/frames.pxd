cdef int send(object link, bytes data) except -1
