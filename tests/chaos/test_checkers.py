"""Each checker says nothing of a good history, and finds the fault that it is for."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from chaos import checkers as c
from chaos.history import NEVER, Event, Operation, Recorder, operations, read

SEEDS = range(5)


def said(rng: random.Random, count: int = 60) -> list[Operation]:
    """Sends of three clients to one channel; each took effect at some instant between its beginning and its end."""
    clock = dict.fromkeys("abc", 0.0)
    made = []
    for n in range(count):
        proc = rng.choice("abc")
        began = clock[proc] + rng.random()
        ended = clock[proc] = began + rng.random()
        made.append(Operation(proc, "send", f"{proc}-{n}", "general", began, ended, "ok", True))
    return sorted(made, key=lambda each: each.began)


def final_of(rng: random.Random, made: list[Operation]) -> list[str]:
    return [each.value for each in sorted(made, key=lambda each: rng.uniform(each.began, each.ended))]


def batches_of(rng: random.Random, final: list[str]) -> list[list[str]]:
    """A snapshot of the beginning in any order, then one after the other."""
    start, end = rng.randrange(10), rng.randrange(20, 40)
    snapshot = final[start:end]
    rng.shuffle(snapshot)
    return [snapshot, *([value] for value in final[end:])]


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_said_of_a_good_history(seed: int) -> None:
    rng = random.Random(seed)
    made = said(rng)
    final = final_of(rng, made)
    unknown = [replace(each, outcome="info", ended=NEVER) for each in made[:5]]
    faults = [c.Fault("kill", made[9].began, made[9].began + 0.1)]

    assert c.durable([*made, *unknown], final) == []
    assert c.once(final) == []
    assert c.order("general", final, "eve", batches_of(rng, final)) == []
    assert c.real_time("general", final, made) == []
    assert c.own_writes(made) == []
    assert c.valid(made, faults, {"kill": 1}) == []


def swapped(values: list[str]) -> list[str]:
    return [*values[:-2], values[-1], values[-2]]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("lost", lambda batches: [*batches[:-4], *batches[-3:]]),
        ("swapped", lambda batches: [*batches[:-2], batches[-1], batches[-2]]),
        ("twice", lambda batches: [*batches, batches[-1]]),
        ("invented", lambda batches: [*batches, ["nobody-1"]]),
        ("hole in a snapshot", lambda batches: [[v for v in batches[0] if v != sorted(batches[0])[3]], *batches[1:]]),
    ],
)
def test_c3_finds_what_an_observer_saw_wrong(
    seed: int, name: str, change: Callable[[list[list[str]]], list[list[str]]]
) -> None:
    rng = random.Random(seed)
    final = [f"{n:03}" for n in range(60)]
    assert c.order("general", final, "eve", change(batches_of(rng, final))), name


@pytest.mark.parametrize("seed", SEEDS)
def test_c1_finds_a_lost_acknowledgement_and_a_risen_refusal(seed: int) -> None:
    rng = random.Random(seed)
    made = said(rng)
    final = final_of(rng, made)
    victim = rng.choice(made)
    (lost,) = c.durable(made, [value for value in final if value != victim.value])
    (risen,) = c.durable([replace(each, outcome="fail") if each is victim else each for each in made], final)

    assert (lost.checker, risen.checker) == ("C1", "C1")
    assert victim.value in lost.text
    assert "refused" in risen.text


def test_c2_finds_what_is_there_twice() -> None:
    assert c.once(["a", "b", "a"])
    assert c.inserted_once("eve", [("insert", 1), ("delete", 1), ("insert", 1), ("update", 1)]) == []
    assert c.inserted_once("eve", [("insert", 1), ("insert", 1)])
    assert c.inserted_once("eve", [("delete", 1)])


@pytest.mark.parametrize("seed", SEEDS)
def test_c4_finds_an_operation_before_one_that_had_ended(seed: int) -> None:
    made = said(random.Random(seed))
    by_end = sorted(made, key=lambda each: each.ended)
    first, last = by_end[0], next(each for each in by_end if each.began > by_end[0].ended)
    final = final_of(random.Random(seed), made)
    a, b = final.index(first.value), final.index(last.value)
    final[a], final[b] = final[b], final[a]

    assert c.real_time("general", final, made)


def test_c6_finds_callbacks_that_do_not_give_the_cache() -> None:
    good = [("insert", 1, "a"), ("update", 1, ("a", "b")), ("insert", 2, "x"), ("delete", 2, "x")]
    assert c.folded("eve", good, {1: "b"}) == []
    for n in range(len(good)):
        assert c.folded("eve", good[:n] + good[n + 1 :], {1: "b"}), f"without {n}"
        assert c.folded("eve", [*good[: n + 1], *good[n:]], {1: "b"}), f"{n} twice"
    assert c.folded("eve", good, {1: "a"})
    assert c.folded("eve", good, {})
    assert c.folded("eve", [*good, ("update", 1, ("b", "b"))], {1: "b"}), "an update that changes nothing"
    assert c.whole("eve", 100, [100, 100]) == []
    assert c.whole("eve", 100, [100, 93])


def test_c7_finds_rows_that_a_fresh_query_has_not() -> None:
    assert c.query_oracle("ann", "SELECT", {"a": 1, "b": 0}, {"a": 1}) == []
    assert c.query_oracle("ann", "SELECT", {"a": 1}, {})
    assert c.query_oracle("ann", "SELECT", {}, {"a": 1})
    assert c.query_oracle("ann", "SELECT", {"a": 1}, {"a": 2})


def test_c8_finds_clients_that_go_back_or_are_two() -> None:
    assert c.monotone("eve", "general", [1, 1, 4, 9]) == []
    assert c.monotone("eve", "general", [1, 4, 3])
    assert c.own_writes([Operation("a", "send", "x", "", 0, 1, "ok", False)])
    assert c.one_at_a_time("eve", [(0, 1), (1, 4), (5, NEVER)]) == []
    assert c.one_at_a_time("eve", [(0, 2), (1, 4)])


def test_c11_finds_who_is_late() -> None:
    assert c.alive({"eve": 3.0}, 5.0) == []
    assert c.alive({"eve": 3.0, "bob": 5.1}, 5.0)


def test_c12_finds_runs_that_tested_nothing() -> None:
    made = said(random.Random(1))
    end = max(each.ended for each in made)
    assert c.valid([], [], {})
    assert c.valid([replace(each, outcome="fail") for each in made], [], {})
    assert c.valid(made, [c.Fault("kill", end + 1, end + 2)], {}), "it met no work"
    assert c.valid(made, [], {"kill": 1}), "none struck"


def test_a_history_comes_back_from_its_files_in_order_and_without_a_torn_line(tmp_path: Path) -> None:
    one, two = Recorder(tmp_path / "1", "one"), Recorder(tmp_path / "2", "two")
    first = one.invoke("send", "a", "general")
    second = two.invoke("send", "b", "general")
    one.end(first, "ok", True)
    third = two.invoke("send", "c", "general")
    two.end(second, "info")
    two.note("fault", "kill")
    with (tmp_path / "2").open("a") as torn:
        torn.write('{"t": 1.0, "proc"')

    events = read([tmp_path / "1", tmp_path / "2"])
    assert [event.t for event in events] == sorted(event.t for event in events)
    assert Event(events[-1].t, "two", "note", "fault", "kill") in events
    found = {each.value: (each.outcome, each.ended < NEVER, each.answer) for each in operations(events)}
    assert found == {"a": ("ok", True, True), "b": ("info", False, None), "c": ("info", False, None)}
    assert third.op == 2
