"""From the history of a run to what is wrong with it: all checkers, one after the other."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chaos import checkers as c
from chaos import cycles
from chaos.checkers import Fault, Violation
from chaos.history import NEVER, Event, Operation, notes, operations
from chaos.module import TOTAL

CURRENT_SECONDS_MAX = 30.0
OVERLAP_SECONDS_MAX = 0.25  # a close and an open in one turn of the network's loop may come in either order


@dataclass(frozen=True)
class Final:
    """The database at the end, as a fresh connection reads it."""

    messages: list[tuple[int, int, str, int]]  # channel, seq, content, id
    lists: dict[int, list[int]]
    balances: dict[int, int]


def judge(
    events: Sequence[Event],
    final: Final,
    faults: Sequence[Fault],
    intervals: Mapping[str, Sequence[tuple[float, float]]],
    needed: Mapping[str, int],
) -> tuple[list[Violation], int]:
    """Return the violations of a run, and how many operations it had."""
    made = operations(events)
    found = c.valid(made, faults, needed)
    found += _sends(made, final)
    found += _lists(made, events, final)
    found += _clients(events, final)
    found += c.own_writes(made)
    for client, lived in intervals.items():
        found += c.one_at_a_time(client, [(opened, closed - OVERLAP_SECONDS_MAX) for opened, closed in lived])
    found += c.alive({event.where: event.value for event in notes(events, "current")}, CURRENT_SECONDS_MAX)
    found += c.whole("the end", TOTAL, [sum(final.balances.values())])
    return found, len(made)


def _sends(made: Sequence[Operation], final: Final) -> list[Violation]:
    sends = [each for each in made if each.f in {"send", "keyed"}]
    said = [content.rstrip("+") for _, _, content, _ in sorted(final.messages)]
    found = c.durable(sends, said) + c.once(text for text in said if text not in {"marker", "the end"})
    for channel in sorted({row[0] for row in final.messages}):
        order = [content.rstrip("+") for where, _, content, _ in sorted(final.messages) if where == channel]
        found += c.real_time(str(channel), order, [each for each in sends if each.where == str(channel)])
    return found


def _lists(made: Sequence[Operation], events: Sequence[Event], final: Final) -> list[Violation]:
    there = {number for values in final.lists.values() for number in values}
    transactions = []
    for each in made:
        if each.f != "append" or (each.outcome == "info" and each.value[0] not in there):
            continue
        number, keys = each.value
        reads = {int(key): values for key, values in each.answer.items()} if isinstance(each.answer, dict) else {}
        transactions.append(
            cycles.Transaction(
                f"append {number}",
                [(key, number) for key in keys],
                reads,
                each.began,
                each.ended,
                committed=each.outcome != "fail",
            )
        )
    for event in notes(events, "snapshots"):
        for n, pairs in enumerate(event.value):
            name = f"{event.where} read {n}"
            transactions.append(cycles.Transaction(name, (), dict(pairs), session=event.where))
    transactions.append(cycles.Transaction("the end", (), final.lists, NEVER, NEVER))
    lost = [
        Violation("C1", f"{each.value} was acknowledged to {each.proc} and is lost")
        for each in made
        if each.f == "append" and each.outcome == "ok" and each.value[0] not in there
    ]
    return lost + cycles.check(transactions)


def _clients(events: Sequence[Event], final: Final) -> list[Violation]:
    found: list[Violation] = []
    seqs: dict[int, list[int]] = {}
    for channel, seq, _, _ in sorted(final.messages):
        seqs.setdefault(channel, []).append(seq)
    wanted: dict[Any, Any] = {("message", row[3]): list(row[:3]) for row in final.messages}
    wanted |= {("chain", key): [len(values), *values[-3:]] for key, values in final.lists.items()}
    wanted |= {("account", key): balance for key, balance in final.balances.items()}
    for event in notes(events, "batches"):
        for channel, batches in event.value:
            found += c.order(str(channel), seqs.get(channel, []), event.where, batches)
    for event in notes(events, "sums"):
        found += c.whole(event.where, TOTAL, event.value)
    caches = {event.where: {(t, key): row for t, key, row in event.value} for event in notes(events, "cache")}
    for event in notes(events, "callbacks"):
        changes = [(kind, (table, key), row) for table, kind, key, row in event.value]
        found += c.inserted_once(event.where, [(kind, key) for kind, key, _ in changes])
        found += c.folded(event.where, changes, caches[event.where])
    for client, cache in caches.items():
        found += c.equal(f"{client}: its cache", cache, "a fresh snapshot", wanted)
    return found


def told(violations: Sequence[Violation], lines_max: int = 12) -> str:
    """Return violations for people, the first of each checker first."""
    firsts: dict[str, Violation] = {}
    for each in violations:
        firsts.setdefault(each.checker, each)
    rest = [each for each in violations if firsts[each.checker] is not each]
    count = json.dumps({name: sum(each.checker == name for each in violations) for name in sorted(firsts)})
    return "\n".join([count, *map(str, [*firsts.values(), *rest][:lines_max])])
