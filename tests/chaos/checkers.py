"""The rules that a history must keep: pure functions from what was seen to a list of violations.

C5 is in cycles.py. Every value of a run is unique, so a value names the operation that wrote it.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from chaos.history import NEVER, Operation


@dataclass(frozen=True)
class Violation:
    """A broken promise: which checker found it, and what it saw."""

    checker: str
    text: str

    def __str__(self) -> str:
        return f"{self.checker}: {self.text}"


def durable(operations: Iterable[Operation], final: Iterable[Any]) -> list[Violation]:
    """C1: what was answered ok is there at the end, what failed is not; of what nobody knows either may be."""
    there = set(final)
    found = []
    for each in operations:
        if each.outcome == "ok" and each.value not in there:
            found.append(Violation("C1", f"{each.value!r} was acknowledged to {each.proc} and is lost"))
        elif each.outcome == "fail" and each.value in there:
            found.append(Violation("C1", f"{each.value!r} was refused to {each.proc} and is there"))
    return found


def once(final: Iterable[Any]) -> list[Violation]:
    """C2: no value is there twice."""
    return [Violation("C2", f"{value!r} is there {n} times") for value, n in Counter(final).items() if n > 1]


def inserted_once(observer: str, changes: Iterable[tuple[str, Any]]) -> list[Violation]:
    """C2: by `insert` and `delete` callbacks with keys, no row comes while it is there, or goes while it is not."""
    held: set[Any] = set()
    found = []
    for kind, key in changes:
        if kind == "insert":
            if key in held:
                found.append(Violation("C2", f"{observer} was told twice that {key!r} came"))
            held.add(key)
        elif kind == "delete":
            if key not in held:
                found.append(Violation("C2", f"{observer} was told that {key!r} went, which it did not have"))
            held.discard(key)
    return found


def order(channel: str, final: Sequence[Any], observer: str, batches: Iterable[Sequence[Any]]) -> list[Violation]:
    """C3: what an observer saw come is a gapless piece of the final order.

    A batch is what came at once, in any order: one value for a transaction, many for a snapshot.
    """
    place = {value: position for position, value in enumerate(final)}
    found = []
    at = -1
    for batch in batches:
        unknown = [value for value in batch if value not in place]
        found += [
            Violation("C3", f"{observer} saw {value!r} in {channel}, which is not in the end") for value in unknown
        ]
        positions = sorted(place[value] for value in batch if value in place)
        if not positions:
            continue
        if at >= 0 and positions[0] != at + 1:
            kind = "a gap" if positions[0] > at + 1 else "a step back"
            found.append(Violation("C3", f"{observer} saw {kind} in {channel}: {at} and then {positions[0]}"))
        if positions != list(range(positions[0], positions[0] + len(positions))):
            found.append(Violation("C3", f"{observer} saw pieces of {channel} in one step: {positions[:9]}"))
        at = max(at, positions[-1])
    return found


def real_time(channel: str, final: Sequence[Any], operations: Iterable[Operation]) -> list[Violation]:
    """C4: an operation that ended before another began stands before it."""
    by_value = {each.value: each for each in operations if each.outcome != "fail"}
    latest, latest_value = -NEVER, None
    found = []
    for value in final:
        each = by_value.get(value)
        if each is None:
            continue
        if each.ended < latest:
            text = f"{value!r} ended before {latest_value!r} began, and stands behind it in {channel}"
            found.append(Violation("C4", text))
        if each.began > latest:
            latest, latest_value = each.began, value
    return found


def folded(observer: str, changes: Iterable[tuple[str, Any, Any]], cache: Mapping[Any, Any]) -> list[Violation]:
    """C6: callbacks (kind, key, row), folded from nothing, give the cache; each fits what was there before.

    An update's row is the pair (old, new). A callback that changes nothing is one too many.
    """
    held: dict[Any, Any] = {}
    found = []
    for kind, key, row in changes:
        before = held.get(key)
        if kind == "insert":
            fits, after = key not in held, row
        elif kind == "update":
            fits, after = before == row[0] and row[0] != row[1], row[1]
        else:
            fits, after = before == row, None
        if not fits:
            found.append(Violation("C6", f"{observer}: {kind} of {key!r} does not fit what was there ({before!r})"))
        if kind == "delete":
            held.pop(key, None)
        else:
            held[key] = after
    return found + equal(f"{observer}: its callbacks", held, f"{observer}: its cache", cache)


def equal(
    what: str, found: Mapping[Any, Any], other: str, wanted: Mapping[Any, Any], name: str = "C6"
) -> list[Violation]:
    """C6, C7: two sets of rows by key are the same."""
    violations = []
    for key in sorted(found.keys() | wanted.keys(), key=repr):
        if key not in found:
            violations.append(Violation(name, f"{what} miss {key!r}, {other} has it"))
        elif key not in wanted:
            violations.append(Violation(name, f"{what} have {key!r}, {other} has not"))
        elif found[key] != wanted[key]:
            violations.append(Violation(name, f"{what} have {found[key]!r}, {other} {wanted[key]!r}"))
    return violations[:20]


def whole(observer: str, total: int, sums: Iterable[int]) -> list[Violation]:
    """C6, W3: nobody ever sees half of a transfer."""
    return [Violation("C6", f"{observer} saw a total of {sum_}, not {total}") for sum_ in sums if sum_ != total]


def query_oracle(reader: str, text: str, held: Mapping[Any, int], wanted: Mapping[Any, int]) -> list[Violation]:
    """C7: the rows that deltas have given, counted, are those of the query asked afresh."""
    mine, fresh = ({row: n for row, n in rows.items() if n} for rows in (held, wanted))
    return [
        Violation("C7", f"{reader}: {text} has {row!r} {mine.get(row, 0)} times, a fresh query {fresh.get(row, 0)}")
        for row in sorted(mine.keys() | fresh.keys(), key=repr)
        if mine.get(row, 0) != fresh.get(row, 0)
    ][:20]


def monotone(observer: str, channel: str, positions: Iterable[int]) -> list[Violation]:
    """C8: what an observer knows of a channel never goes back."""
    found = []
    highest = -1
    for position in positions:
        if position < highest:
            found.append(Violation("C8", f"{observer} went back in {channel} from {highest} to {position}"))
        highest = max(highest, position)
    return found


def own_writes(operations: Iterable[Operation]) -> list[Violation]:
    """C8: after ok the caller's cache has what the call wrote; the worker notes in the answer whether it had."""
    return [
        Violation("C8", f"{each.proc} does not see its own {each.value!r}")
        for each in operations
        if each.outcome == "ok" and each.answer is False
    ]


def one_at_a_time(client: str, intervals: Iterable[tuple[float, float]]) -> list[Violation]:
    """C8: a client never has two connections at a time; intervals are (opened, closed by the client)."""
    ordered = sorted(intervals)
    return [
        Violation("C8", f"{client} had two connections at {later[0]:.3f}")
        for earlier, later in pairwise(ordered)
        if later[0] < earlier[1]
    ]


def alive(what: Mapping[str, float], seconds_max: float) -> list[Violation]:
    """C11: everybody is current again in time; seconds by client."""
    return [
        Violation("C11", f"{client} was current after {seconds:.1f} s, {seconds_max} are allowed")
        for client, seconds in what.items()
        if seconds > seconds_max
    ]


@dataclass(frozen=True)
class Fault:
    """Something that was done to a run, and when."""

    kind: str
    began: float
    ended: float


def valid(operations: Sequence[Operation], faults: Sequence[Fault], needed: Mapping[str, int]) -> list[Violation]:
    """C12: a run counts only if work went on, each fault met work in flight, and each needed kind of fault struck."""
    found = []
    done = sum(each.outcome == "ok" for each in operations)
    if done * 2 < len(operations) or not operations:
        found.append(Violation("C12", f"only {done} of {len(operations)} operations were answered ok"))
    met: dict[str, int] = defaultdict(int)
    begins = sorted((each.began, each.ended) for each in operations)
    starts = [began for began, _ in begins]
    for fault in faults:
        before = begins[: bisect_right(starts, fault.ended)]
        if any(ended >= fault.began for _, ended in before):
            met[fault.kind] += 1
        else:
            found.append(Violation("C12", f"{fault.kind} at {fault.began:.3f} met no work"))
    for kind, count in needed.items():
        if met[kind] < count:
            found.append(Violation("C12", f"{met[kind]} of {kind} struck work, {count} were needed"))
    return found
