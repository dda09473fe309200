"""C5: isolation of list-append histories, in the manner of Elle: dependencies between transactions and their cycles.

A transaction appends unique values to lists and reads whole lists. A list's order of values is its version order.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from chaos.checkers import Violation
from chaos.history import NEVER

Edges = dict[int, dict[int, set[str]]]  # from -> to -> kinds: ww, wr, rw, rt (real time), so (session order)


@dataclass(frozen=True)
class Transaction:
    """What one transaction appended, in order, and the lists it read; `session` orders those of one client."""

    name: str
    appends: Sequence[tuple[Any, Any]] = ()
    reads: Mapping[Any, Sequence[Any]] = field(default_factory=dict)
    began: float = -NEVER
    ended: float = NEVER
    committed: bool = True  # False: it was refused, so nobody may see it
    session: str = ""


def check(transactions: Sequence[Transaction]) -> list[Violation]:
    """Return what is wrong: aborted and intermediate reads, lists that fork, cycles by their kind."""
    found: list[Violation] = []
    writer = {(key, value): n for n, each in enumerate(transactions) for key, value in each.appends}
    versions = _versions(transactions, found)
    edges: Edges = defaultdict(lambda: defaultdict(set))

    def add(start: int, end: int, kind: str) -> None:
        if start != end:
            edges[start][end].add(kind)

    for key, values in versions.items():
        writers = [writer.get((key, value)) for value in values]
        for value, by in zip(values, writers, strict=True):
            if by is None:
                found.append(Violation("C5", f"G1a: {value!r} in list {key!r} was written by nobody"))
            elif not transactions[by].committed:
                found.append(Violation("C5", f"G1a: {transactions[by].name} was refused, and {value!r} was read"))
        for before, after in pairwise(writers):
            if before is not None and after is not None:
                add(before, after, "ww")
    for n, each in enumerate(transactions):
        _read_edges(n, each, versions, writer, transactions, add, found)
    _time_edges(transactions, add)
    return found + _cycles(transactions, edges)


def _versions(transactions: Iterable[Transaction], found: list[Violation]) -> dict[Any, Sequence[Any]]:
    """Return the longest read of each list; every other must be a beginning of it."""
    longest: dict[Any, Sequence[Any]] = {}
    reads = [(each.name, key, list(values)) for each in transactions for key, values in each.reads.items()]
    for _, key, values in reads:
        if len(values) > len(longest.get(key, ())):
            longest[key] = values
    for name, key, values in reads:
        if list(longest.get(key, ()))[: len(values)] != values:
            found.append(Violation("C5", f"G0: {name} read a list {key!r} that is no beginning of the longest one"))
        if len(set(values)) < len(values):
            found.append(Violation("C5", f"{name} read a value of list {key!r} twice"))
    return longest


def _read_edges(
    n: int,
    each: Transaction,
    versions: Mapping[Any, Sequence[Any]],
    writer: Mapping[tuple[Any, Any], int],
    transactions: Sequence[Transaction],
    add: Any,
    found: list[Violation],
) -> None:
    for key, values in each.reads.items():
        all_values = versions.get(key, ())
        if values:
            last = writer.get((key, values[-1]))
            if last is not None:
                add(last, n, "wr")
                of_writer = [value for k, value in transactions[last].appends if k == key]
                if last != n and of_writer[-1] != values[-1]:
                    found.append(Violation("C5", f"G1b: {each.name} read half of {transactions[last].name}"))
        if len(values) < len(all_values):
            following = writer.get((key, all_values[len(values)]))
            if following is not None:
                add(n, following, "rw")


def _time_edges(transactions: Sequence[Transaction], add: Any) -> None:
    """Add who ended before whom began (only the nearest, the rest follows), and the order within a session."""
    known = [n for n, each in enumerate(transactions) if each.committed]
    ends = sorted((n for n in known if transactions[n].ended < NEVER), key=lambda n: transactions[n].ended)
    frontier: list[int] = []  # ended, and nobody that ended later began after their end
    at = 0
    for n in sorted(known, key=lambda n: transactions[n].began):
        began = transactions[n].began
        while at < len(ends) and transactions[ends[at]].ended < began:
            newest = ends[at]
            frontier = [m for m in frontier if transactions[m].ended >= transactions[newest].began]
            frontier.append(newest)
            at += 1
        for m in frontier:
            add(m, n, "rt")
    last: dict[str, int] = {}
    for n in known:
        session = transactions[n].session
        if session:
            if session in last:
                add(last[session], n, "so")
            last[session] = n


def _cycles(transactions: Sequence[Transaction], edges: Edges) -> list[Violation]:
    kinds = (
        ("G0", {"ww"}, 0),
        ("G1c", {"ww", "wr"}, 0),
        ("G1c with real time", {"ww", "wr", "rt", "so"}, 0),
        ("G-single", {"ww", "wr", "rt", "so", "rw"}, 1),
        ("G2", {"ww", "wr", "rt", "so", "rw"}, 2),
    )
    for name, allowed, rw in kinds:
        graph = {a: [b for b, ks in bs.items() if ks & allowed] for a, bs in edges.items()}
        for group in _components(graph, range(len(transactions))):
            if rw == 1 and not _has_cycle_with_one_rw(group, edges):
                continue
            who = ", ".join(transactions[n].name for n in sorted(group)[:6])
            return [Violation("C5", f"{name}: a cycle through {who}")]
    return []


def _has_cycle_with_one_rw(group: set[int], edges: Edges) -> bool:
    """Whether somewhere an rw edge a -> b is closed by a way from b back to a without another."""
    for a in group:
        for b, kinds in edges[a].items():
            if b not in group or "rw" not in kinds:
                continue
            seen, waiting = {b}, [b]
            while waiting:
                n = waiting.pop()
                if n == a:
                    return True
                for m, ks in edges[n].items():
                    if m in group and m not in seen and ks - {"rw"}:
                        seen.add(m)
                        waiting.append(m)
    return False


def _components(graph: Mapping[int, Sequence[int]], nodes: Iterable[int]) -> list[set[int]]:
    """Return the strongly connected components of two and more nodes (Tarjan, without recursion)."""
    number: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    found: list[set[int]] = []
    for root in nodes:
        if root in number:
            continue
        work = [(root, iter(graph.get(root, ())))]
        number[root] = low[root] = len(number)
        stack.append(root)
        on_stack.add(root)
        while work:
            n, following = work[-1]
            for m in following:
                if m not in number:
                    number[m] = low[m] = len(number)
                    stack.append(m)
                    on_stack.add(m)
                    work.append((m, iter(graph.get(m, ()))))
                    break
                if m in on_stack:
                    low[n] = min(low[n], number[m])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[n])
                if low[n] == number[n]:
                    group = set()
                    while True:
                        m = stack.pop()
                        on_stack.discard(m)
                        group.add(m)
                        if m == n:
                            break
                    if len(group) > 1:
                        found.append(group)
    return found
