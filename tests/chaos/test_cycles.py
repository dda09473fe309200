"""C5 says nothing of serial histories and names every anomaly that is planted into one."""

import random
from dataclasses import replace

import pytest

from chaos.cycles import Transaction, check

KEYS = 4


def serial(seed: int, count: int = 80) -> list[Transaction]:
    """Transactions as a database without faults makes them: one after the other, and seen by clients that overlap."""
    rng = random.Random(seed)
    lists: dict[int, list[int]] = {key: [] for key in range(KEYS)}
    made = []
    for n in range(count):
        keys = rng.sample(range(KEYS), rng.randint(1, 3))
        appends = [(key, n * 10 + i) for i, key in enumerate(keys)] if rng.random() < 0.7 else []
        for key, value in appends:
            lists[key].append(value)
        reads = {key: list(lists[key]) for key in keys}
        began = n - rng.random() * 2
        made.append(Transaction(f"T{n}", appends, reads, began, n + rng.random() * 2))
    made.append(Transaction("last", (), {key: list(values) for key, values in lists.items()}, count, count + 1))
    return made


def changed(made: list[Transaction], name: str, **values: object) -> list[Transaction]:
    return [replace(each, **values) if each.name == name else each for each in made]  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_said_of_serial_histories(seed: int) -> None:
    assert check(serial(seed)) == []


@pytest.mark.parametrize("seed", range(5))
def test_a_stale_read_is_a_cycle_with_real_time(seed: int) -> None:
    made = serial(seed)
    last = made[-1].reads
    stale = {key: values[: len(values) // 2] for key, values in last.items()}
    assert any("G" in each.text for each in check(changed(made, "last", reads=stale)))


@pytest.mark.parametrize("seed", range(5))
def test_a_lost_append_is_found(seed: int) -> None:
    """A transaction read its own append, and the last read does not have it."""
    made = serial(seed)
    key = 0
    lost = made[-1].reads[key][3]
    without = {**made[-1].reads, key: [value for value in made[-1].reads[key] if value != lost]}
    assert check(changed(made, "last", reads=without))


def test_what_was_refused_and_what_nobody_wrote_is_not_read() -> None:
    refused = Transaction("no", [(1, "a")], committed=False)
    assert any("G1a" in each.text for each in check([refused, Transaction("r", (), {1: ["a"]})]))
    assert any("nobody" in each.text for each in check([Transaction("r", (), {1: ["a"]})]))


def test_half_a_transaction_is_not_read() -> None:
    both = Transaction("both", [(1, "a"), (1, "b")])
    assert any(
        "G1b" in each.text
        for each in check(
            [
                both,
                Transaction("r", (), {1: ["a"]}),
            ]
        )
    )
    torn = [
        Transaction("w", [(1, "a"), (2, "b")]),
        Transaction("r", (), {1: ["a"], 2: []}),
        Transaction("s", (), {2: ["b"]}),
    ]
    assert any("G-single" in each.text for each in check(torn))


def test_write_cycles_and_information_cycles_are_named() -> None:
    write = [
        Transaction("one", [(1, "a"), (2, "b")]),
        Transaction("two", [(1, "c"), (2, "d")]),
        Transaction("r", (), {1: ["a", "c"], 2: ["d", "b"]}),
    ]
    assert any("G0" in each.text for each in check(write))
    flow = [Transaction("one", [(1, "a")], {2: ["b"]}), Transaction("two", [(2, "b")], {1: ["a"]})]
    assert any("G1c" in each.text for each in check(flow))


def test_write_skew_is_g2() -> None:
    skew = [
        Transaction("one", [(1, "a")], {2: []}),
        Transaction("two", [(2, "b")], {1: []}),
        Transaction("r", (), {1: ["a"], 2: ["b"]}),
    ]
    assert any("G2" in each.text for each in check(skew))


def test_a_fork_of_a_list_is_found() -> None:
    forked = [Transaction("w", [(1, "a")]), Transaction("x", [(1, "b")]), Transaction("r", (), {1: ["a"]})]
    assert any("beginning" in each.text for each in check([*forked, Transaction("s", (), {1: ["b"]})]))


def test_a_client_that_reads_backwards_is_found_by_its_session() -> None:
    made = [
        Transaction("w", [(1, "a")]),
        Transaction("r1", (), {1: ["a"]}, session="eve"),
        Transaction("r2", (), {1: []}, session="eve"),
    ]
    assert check(made)
    assert check([replace(each, session="") for each in made]) == []
