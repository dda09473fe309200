"""The bytes of a log segment. Pure: what a record looks like, and what to make of a segment after a crash.

A segment begins with a sector of its own: a header (salt, size, first transaction, hash of the log before it), and from
SEAL_POSITION on a seal once a next segment exists. Records follow without gaps; everything behind the last is zeros.
Each record carries the segment's random salt, so that bytes of a former life, or of a message, are not taken for one.

A write that the power cut tore leaves some sectors new and the others as they were: zeros. Since the trailer says how
many sectors of its record are zeros (or nearly) by right, a torn record can be told from a damaged one even if the disk
wrote the trailer first: a disk writes sectors whole, in any order.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from zlib import crc32

from agent_spaces.engine.storage.log import Record, next_chain
from agent_spaces.errors import DamagedError

MAGIC = b"SPACELG1"
SECTOR_BYTES = 512
RECORDS_START = SECTOR_BYTES
SEAL_POSITION = 256
RECORD_BYTES_MAX = 1 << 30
_ZEROS = bytes(1 << 18)
_SPARSE = bytes(200)  # every sector inside a body that has at most one bit set holds such a run

_HEADER = Struct("<8s8sQQ16sI")  # magic, salt, size, first, chain before, CRC of these
_SEAL = Struct("<QQ16sI")  # end of the records, first transaction of the next segment, chain, CRC of these
_HEAD = Struct("<8sIQQ16sI")  # salt, length of the body, first, last, chain with this group, CRC of the body
_CRC = Struct("<I")
HEAD_BYTES = _HEAD.size + _CRC.size
_TRAILER = Struct("<II8s")  # sectors with at most one bit set, length of the body, inverted salt
OVERHEAD_BYTES = HEAD_BYTES + _TRAILER.size
SEAL_BYTES = _SEAL.size


@dataclass(frozen=True, slots=True)
class Header:
    """What a segment says of itself."""

    salt: bytes
    size: int
    first: int
    chain: bytes


def salt_from(random_bytes: bytes) -> bytes:
    """Return 8 bytes of which each has, upright and inverted, two bits set: one flipped bit never makes it a zero."""
    return bytes((byte | 0x03) & 0xCF for byte in random_bytes[:8])


def _mark(salt: bytes) -> bytes:
    return bytes(byte ^ 0xFF for byte in salt)


def pack_header(header: Header) -> bytes:
    """Return the header's bytes."""
    data = _HEADER.pack(MAGIC, header.salt, header.size, header.first, header.chain, 0)[: -_CRC.size]
    return data + _CRC.pack(crc32(data))


def pack_seal(end: int, next_first: int, chain: bytes) -> bytes:
    """Return the seal of a segment whose records end at `end`."""
    data = _SEAL.pack(end, next_first, chain, 0)[: -_CRC.size]
    return data + _CRC.pack(crc32(data))


def read_header(data: bytes, name: str) -> Header:
    """Return a segment's header; DamagedError unless it is whole and the file has the size it names."""
    if len(data) >= RECORDS_START:
        magic, salt, size, first, chain, crc = _HEADER.unpack_from(data)
        if magic == MAGIC and crc == crc32(data[: _HEADER.size - _CRC.size]):
            if size != len(data):
                msg = f"{name} has {len(data)} bytes instead of {size}: it was cut or grown by something else."
                raise DamagedError(msg)
            return Header(salt, size, first, chain)
    msg = f"{name} does not begin with the header of a log segment."
    raise DamagedError(msg)


def is_sealed(data: bytes) -> bool:
    """Whether something was written where the seal stands: then a next segment must exist."""
    return any(data[SEAL_POSITION : SEAL_POSITION + SEAL_BYTES])


def _written_end(data: bytes) -> int:
    """Return where the zeros begin that the data ends with: a piece at a time, for 64 MiB byte by byte cost 0.3 s."""
    end = len(data)
    while end and (piece := data[max(0, end - len(_ZEROS)) : end]) == _ZEROS[: len(piece)]:
        end -= len(piece)
    return end - len(piece) + len(piece.rstrip(b"\0")) if end else 0


def _sectors(data: bytes, start: int, end: int, bits_max: int) -> int:
    """Count the sectors, or pieces of them at both ends, that have at most so many bits set."""
    found, position = 0, start
    while position < end:
        stop = min(end, position - position % SECTOR_BYTES + SECTOR_BYTES)
        found += int.from_bytes(data[position:stop], "little").bit_count() <= bits_max
        position = stop
    return found


def pack_record(salt: bytes, position: int, record: Record) -> bytes:
    """Return the bytes of a record that will stand at `position` of the segment with that salt."""
    body = record.body
    head = _HEAD.pack(salt, len(body), record.first, record.last, record.chain, crc32(body))
    front = head + _CRC.pack(crc32(head)) + body
    faint = 0
    if _SPARSE in body:
        lead = position % SECTOR_BYTES
        faint = _sectors(b"x" * lead + front + b"x" * _TRAILER.size, lead, lead + len(front) + _TRAILER.size, 1)
    return front + _TRAILER.pack(faint, len(body), _mark(salt))


def _head_at(data: bytes, position: int, salt: bytes) -> tuple[int, int, int, bytes, int] | None:
    """Return (length, first, last, chain, body CRC) if a whole head stands there and its record fits, else None."""
    if position + OVERHEAD_BYTES > len(data):
        return None
    found, length, first, last, chain, body_crc = _HEAD.unpack_from(data, position)
    if found != salt or _CRC.unpack_from(data, position + _HEAD.size)[0] != crc32(
        data[position : position + _HEAD.size]
    ):
        return None
    if length > RECORD_BYTES_MAX or position + OVERHEAD_BYTES + length > len(data):
        return None
    return length, first, last, chain, body_crc


def _record_at(data: bytes, position: int, salt: bytes) -> tuple[Record, bytes] | None:
    """Return the record at a position and what stands where its trailer should; None unless head and body hold."""
    head = _head_at(data, position, salt)
    if head is None:
        return None
    length, first, last, chain, body_crc = head
    start = position + HEAD_BYTES
    body = data[start : start + length]
    if crc32(body) != body_crc:
        return None
    return Record(first, last, body, chain), data[start + length : start + length + _TRAILER.size]


def _later_record(data: bytes, position: int, salt: bytes) -> Record | None:
    """Return a whole record anywhere behind a position."""
    while (position := data.find(salt, position)) >= 0:
        found = _record_at(data, position, salt)
        if found is not None:
            return found[0]
        position += 1
    return None


def _is_torn(data: bytes, position: int, end: int, salt: bytes) -> bool:
    """Whether the bytes from `position` to the last that is not zero can only be a write that was never finished."""
    found = _record_at(data, position, salt)
    if found is not None:
        record, trailer = found
        right = pack_record(salt, position, record)[-_TRAILER.size :]
        cut = len(right) - (position + OVERHEAD_BYTES + len(record.body)) % SECTOR_BYTES
        written = len(trailer.rstrip(b"\0"))
        late_front = 0 < cut < len(right) and trailer == bytes(cut) + right[cut:]
        return late_front or trailer[:written] == right[:written]
    if end - position >= OVERHEAD_BYTES:
        faint, length, mark = _TRAILER.unpack_from(data, end - _TRAILER.size)
        if mark == _mark(salt):
            whole = position + OVERHEAD_BYTES + length == end
            return _sectors(data, position, end, 0) > (faint if whole else 0)
    return True


class Scan:
    """Reads the records of one segment in order; after the last, `end`, `next_offset` and `chain` say where it stopped.

    `last` says that no later segment has records: only there a torn write may stand. `torn_end` is then where its bytes
    end, else None. DamagedError names the file and the last good transaction.
    """

    def __init__(self, data: bytes, name: str, *, last: bool) -> None:
        self.header = read_header(data, name)
        self._data, self._name, self._last = data, name, last
        self.end, self.next_offset, self.chain = RECORDS_START, self.header.first, self.header.chain
        self.torn_end: int | None = None

    def records(self, until: int | None = None) -> Iterator[Record]:
        """Give the records, those below transaction `until` if it is given; nothing behind them is looked at then."""
        data, salt = self._data, self.header.salt
        mark = _mark(salt)
        while until is None or self.next_offset < until:
            found = _record_at(data, self.end, salt)
            if found is None or found[1][-8:] != mark or _TRAILER.unpack(found[1])[1] != len(found[0].body):
                self._stop(until)
                return
            record = found[0]
            if record.first != self.next_offset or record.last < record.first:
                raise self._damaged(f"the group at byte {self.end} begins with transaction {record.first}")
            if record.chain != next_chain(self.chain, record.first, record.last, record.body):
                raise self._damaged(f"the group at byte {self.end} does not follow from the groups before it")
            self.end += OVERHEAD_BYTES + len(record.body)
            self.next_offset, self.chain = record.last + 1, record.chain
            yield record

    def _damaged(self, reason: str) -> DamagedError:
        last = f"the last good transaction is {self.next_offset - 1}" if self.next_offset else "no transaction is good"
        return DamagedError(f"{self._name} is damaged: {reason}; {last}. Restore a backup.")

    def _stop(self, until: int | None) -> None:
        """Decide what the bytes behind the last good record are: nothing, a torn write, or damage."""
        data = self._data
        end = _written_end(data)
        if until is not None:
            raise self._damaged(f"transaction {until - 1} should be in it and is not")
        if end <= self.end:
            return
        later = _later_record(data, self.end + 1, self.header.salt)
        if later is not None:
            raise self._damaged(f"the group at byte {self.end} cannot be read, and transaction {later.first} follows")
        if not self._last:
            raise self._damaged(f"the group at byte {self.end} cannot be read, and later segments follow")
        if not _is_torn(data, self.end, end, self.header.salt):
            raise self._damaged(f"the last group, at byte {self.end}, was written whole and cannot be read")
        self.torn_end = end
