# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""WebSocket frames: split what clients send, and write what they get without asking the transport first."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from agent_spaces.native.slots cimport slot, slot_offset

cdef extern from "sys/socket.h" nogil:
    ssize_t c_send "send" (int descriptor, const void *data, size_t size, int flags)
    int MSG_DONTWAIT
    int MSG_NOSIGNAL


def split(bytes data, Py_ssize_t bytes_max):
    """Do what ws_frames.split does."""
    cdef const uint8_t *b = <const uint8_t *>PyBytes_AS_STRING(data)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(data), offset = 0, length, mask, body, place
    cdef uint64_t mask8, word
    cdef uint32_t mask4
    cdef uint8_t *out
    cdef bytes payload
    cdef list payloads = []
    while size - offset >= 6 and b[offset] == 0x82 and b[offset + 1] >= 0x80:
        length, mask = b[offset + 1] & 0x7F, offset + 2
        if length == 126:
            length, mask = (b[offset + 2] << 8) | b[offset + 3], offset + 4
        elif length == 127:
            break
        body = mask + 4
        if length > bytes_max or size - body < length:
            break
        payload = PyBytes_FromStringAndSize(NULL, length)
        out = <uint8_t *>PyBytes_AS_STRING(payload)
        memcpy(&mask4, b + mask, 4)
        mask8 = (<uint64_t>mask4 << 32) | mask4
        place = 0
        while place + 8 <= length:
            memcpy(&word, b + body + place, 8)
            word ^= mask8
            memcpy(out + place, &word, 8)
            place += 8
        while place < length:
            out[place] = b[body + place] ^ b[mask + (place & 3)]
            place += 1
        payloads.append(payload)
        offset = body + length
    return payloads, offset


cdef object socket_class = None
cdef Py_ssize_t descriptor_at = -1, choked_at = -1


def write_to(cls, descriptor, choked):
    """Let `send` write to the sockets of instances of this class itself, by its slots of these names."""
    global socket_class, descriptor_at, choked_at
    descriptor_at, choked_at = slot_offset(cls, descriptor), slot_offset(cls, choked)
    if descriptor_at < 0 or choked_at < 0:
        raise TypeError(f"{cls.__name__} has no slots {descriptor} and {choked}")
    socket_class = cls


cdef int send(object link, bytes data) except -1:
    """Do what link.send(data) does; its method is only called for what does not fit into the socket."""
    cdef ssize_t sent
    cdef int descriptor
    cdef const char *start
    cdef Py_ssize_t size
    if type(link) is socket_class and slot(link, choked_at) is False:
        descriptor = slot(link, descriptor_at)
        if descriptor >= 0:
            start, size = PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data)
            with nogil:
                sent = c_send(descriptor, start, size, MSG_DONTWAIT | MSG_NOSIGNAL)
            if sent != size:
                link.send_rest(data, sent if sent > 0 else 0)
            return 0
    link.send(data)
    return 0
