"""`make chaos`: the long rig. Runs every campaign within its share of the time and prints what came of it.

    python tools/chaos/run.py [--seed N] [--minutes M] [--only NAME] [--json FILE]

The seed is the first line; the same seed makes the same plans. Exit code 1 if anything is wrong; the histories of a
failed run are kept in a folder that is printed.
"""

import argparse
import asyncio
import itertools
import json
import os
import platform
import random
import shutil
import statistics
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import structlog
from http_door import knock

from agent_spaces.engine.storage.writers import InlineWriter

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]

from machine import Noise, cpu_s  # noqa: E402

from chaos import fuzzing, simulation  # noqa: E402 - found by the path above
from chaos.abuse import WARMING_STORMS, Siege, cost_of  # noqa: E402
from chaos.judge import told  # noqa: E402
from chaos.plans import PLANTED, planted_plan  # noqa: E402
from chaos.planted import EarlyWriter, keeping_lost_rights, plans_of_others  # noqa: E402
from chaos.reconnect import reconnecting  # noqa: E402
from chaos.rig import Plan, Rig  # noqa: E402
from chaos.unbounded import is_caught as unbounded_is_caught  # noqa: E402
from engine.storage.fault_files import FaultFiles  # noqa: E402

SEEDS = ROOT / "fuzz" / "seeds.json"
PLANT_SEEDS = 5
WORLD_STEPS = 300
MEMORY_GROWTH_MAX = 1.05
CURRENT_SECONDS_MAX = 5.0
P99_RATIO_MAX = 2.0
OTHERS_MAX = 0.15  # of a core: with more than that a p99 tells of the neighbours
TYPING_EVENTS = 100_000
WINDOWS, WINDOW_SECONDS, WINDOW_EVENTS = 5, 2.0, 5000
THREADS_MAX = 8  # the loop, the log's two, and those of asyncio.to_thread
ALL_FAULTS = ("kill", "pause", "cut", "black hole", "stop client", "slice", "lost answers")


@dataclass
class Report:
    """What a campaign found: `wrong` is empty if all is well."""

    figures: dict[str, Any] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


def seeds_of(share: "Share", name: str) -> Iterator[int]:
    """Give the seeds that failed once, then new ones, until the time is over; at least one."""
    until = time.monotonic() + share.seconds
    kept = json.loads(SEEDS.read_text())[name]
    for number, seed in enumerate(itertools.chain(kept, itertools.count(share.seed))):
        if number and time.monotonic() >= until:
            return
        yield seed


def keep_seed(name: str, seed: int) -> None:
    """Remember a seed that failed, for ever."""
    kept = json.loads(SEEDS.read_text())
    kept[name] = sorted({*kept[name], seed})
    SEEDS.write_text(json.dumps(kept, indent=2) + "\n")


@dataclass(frozen=True)
class Share:
    """What a campaign may use: a seed, seconds, a folder."""

    seed: int
    seconds: float
    folder: Path


def histories(share: Share) -> Report:
    """Real clients in processes of their own, kills, pauses and bad networks: C1 to C6, C8, C11, C12."""
    report, runs = Report(), 0
    operations, struck = 0, dict[str, int]()
    for seed in seeds_of(share, "histories"):
        rng = random.Random(seed)
        faults = ("kill", "cut", "pause", "black hole", *(rng.choice(ALL_FAULTS) for _ in range(14)))
        folder = share.folder / f"run-{runs}"
        folder.mkdir()
        outcome = asyncio.run(Rig(folder, Plan(seed, faults, rest_seconds=0.5)).run())
        report.wrong += [f"seed {seed}: {told(outcome.violations)}"] if outcome.violations else []
        runs, operations = runs + 1, operations + outcome.operations
        for fault in outcome.faults:
            struck[fault.kind] = struck.get(fault.kind, 0) + 1
        if outcome.violations:
            keep_seed("histories", seed)
        else:
            shutil.rmtree(folder)
    report.figures = {"runs": runs, "operations": operations, "faults": struck}
    return report


def reconnects(share: Share) -> Report:
    """Clients behind networks that fail, 10,000 changes a run: C6, C8, C11."""
    report, runs = Report(), 0
    heals: list[tuple[str, float, float]] = []
    reconnected = changes = 0
    for seed in seeds_of(share, "reconnects"):
        folder = share.folder / f"run-{runs}"
        folder.mkdir()
        result = asyncio.run(reconnecting(folder, seed, 10_000))
        if result.violations:
            report.wrong.append(f"seed {seed}: {told(result.violations)}")
            keep_seed("reconnects", seed)
        heals += result.heals
        reconnected, changes, runs = reconnected + result.reconnects, changes + result.changes, runs + 1
        shutil.rmtree(folder)
    seconds = [after for _, _, after in heals]
    # A client waits for its next try no longer than it has waited so far; connecting and the snapshot come on top.
    late = [each for each in heals if each[2] > CURRENT_SECONDS_MAX + each[1]]
    if late:
        report.wrong.append(f"{len(late)} of {len(heals)} heals took too long: {late}")
    report.figures = {
        "runs": runs,
        "changes": changes,
        "reconnects": reconnected,
        "heals": len(heals),
        "current_s_median": round(statistics.median(seconds), 2),
        "current_s_max": round(max(seconds), 2),
    }
    return report


def simulations(share: Share) -> Report:
    """The whole engine, disk, clock and network of one seed: C1, C7; each tenth seed twice, byte by byte."""
    report, worlds = Report(), 0
    happened: dict[str, int] = {}
    for seed in seeds_of(share, "simulations"):
        world = simulation.simulate(seed, WORLD_STEPS)
        worlds += 1
        if world.violations:
            report.wrong.append(f"seed {seed}: {told(world.violations)}")
            keep_seed("simulations", seed)
        if worlds % 10 == 1 and simulation.simulate(seed, WORLD_STEPS).digest != world.digest:
            report.wrong.append(f"seed {seed} gave other bytes the second time")
        for kind, count in world.happened.items():
            happened[kind] = happened.get(kind, 0) + count
    report.figures = {"worlds": worlds, "steps": WORLD_STEPS * worlds, "happened": happened}
    return report


def plants(share: Share) -> Report:
    """Each planted fault is caught by its checker with every seed."""
    report = Report()
    caught: dict[str, int] = {}

    def note(name: str, seed: int, *, is_caught: bool, found: str = "") -> None:
        caught[name] = caught.get(name, 0) + is_caught
        if not is_caught:
            report.wrong.append(f"{name} is not caught with seed {seed}: {found}")

    for seed in range(share.seed, share.seed + PLANT_SEEDS):
        for name, plant, checker, writer in _simulated_plants():
            with plant:
                violations = simulation.simulate(seed, 600, writer).violations
            note(name, seed, is_caught=checker in {each.checker for each in violations})
        for name, checkers in PLANTED.items():
            folder = share.folder / f"{name}-{seed}"
            folder.mkdir()
            outcome = asyncio.run(Rig(folder, planted_plan(name, seed)).run())
            found = {each.checker for each in outcome.violations}
            what = told(outcome.violations)
            note(name, seed, is_caught=bool(found & checkers) and "C12" not in found, found=what)
            shutil.rmtree(folder)
        folder = share.folder / f"unbounded-{seed}"
        folder.mkdir()
        note("unbounded queue", seed, is_caught=asyncio.run(unbounded_is_caught(folder, seed)))
    report.figures = {name: f"{count} of {PLANT_SEEDS}" for name, count in sorted(caught.items())}
    return report


def _simulated_plants() -> list[tuple[str, AbstractContextManager[Any], str, Callable[..., Any]]]:
    honest = InlineWriter
    lying = mock.patch.object(FaultFiles, "fdatasync", return_value=None)
    return [
        ("acknowledge before fsync", nullcontext(), "C1", EarlyWriter),
        ("fsync off", lying, "C1", honest),
        ("keep rows of lost rights", keeping_lost_rights(), "C7", honest),
        ("plans without identity", plans_of_others(), "C7", honest),
    ]


def sieges(share: Share) -> Report:
    """Attacks on a host with small limits: C10, and what they cost a client that behaves well."""
    report = Report()

    async def run(siege: Siege) -> float:
        await siege.host.start()
        try:
            await siege.attack(TYPING_EVENTS // 2, 2, WARMING_STORMS)
            noise, own = Noise(), _cpu_of_all(siege)
            await siege.measure(WINDOW_EVENTS, WINDOWS, WINDOW_SECONDS)
            return noise.end(_cpu_of_all(siege) - own)["others"]
        finally:
            await siege.host.stop()

    siege = Siege(share.folder)
    others = asyncio.run(run(siege))
    first, *_, last = siege.footprints
    if last.rss_kb > first.rss_kb * MEMORY_GROWTH_MAX:
        report.wrong.append(f"memory went from {first.rss_kb} to {last.rss_kb} KiB")
    if last.handles > first.handles or last.threads > THREADS_MAX:
        report.wrong.append(f"handles and threads went from {first} to {last}")
    if siege.failed:
        report.wrong.append(f"{siege.failed} of {siege.calls} calls of a client that behaves well failed")
    report.figures = {"rss_kib": [each.rss_kb for each in siege.footprints], "others_cores": others}
    for name in dict.fromkeys(each.name for each in siege.rounds):
        cost = cost_of([each for each in siege.rounds if each.name == name])
        report.figures[name] = cost
        if cost["ratio"] > P99_RATIO_MAX and others <= OTHERS_MAX:
            report.wrong.append(f"{name} multiplies the p99 of others' calls by {cost['ratio']}")
    if others > OTHERS_MAX:
        report.figures["ratios"] = f"not judged: other work took {others} cores, more than {OTHERS_MAX}"
    return report


def _cpu_of_all(siege: Siege) -> float:
    own = os.times()
    return own.user + own.system + own.children_user + own.children_system + cpu_s(siege.host.process_id)


def http(share: Share) -> Report:
    """Schemathesis at the HTTP door."""
    return Report({"requests": asyncio.run(knock(share.folder, share.seed, 40))})


def fuzz(share: Share) -> Report:
    """New inputs for every decoder; what is new is kept in fuzz/."""
    findings = fuzzing.grow(share.seconds, share.seed)
    kept = {name: len(fuzzing.corpus(name)) for name in fuzzing.targets()}
    return Report({"corpus": kept}, [f"{name}: {text}" for name, text in findings.items()])


CAMPAIGNS: dict[str, tuple[Callable[[Share], Report], float]] = {  # with their shares of the time
    "plants": (plants, 0.0),  # as long as it takes: about 7 minutes
    "histories": (histories, 0.2),
    "reconnects": (reconnects, 0.2),
    "simulations": (simulations, 0.25),
    "sieges": (sieges, 0.0),  # as long as it takes: about 5 minutes
    "http": (http, 0.0),  # as long as it takes: about a minute
    "fuzz": (fuzz, 0.1),
}


def main() -> int:
    """Run the campaigns; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    parser.add_argument("--minutes", type=float, default=13.0)
    parser.add_argument("--only", choices=CAMPAIGNS, action="append")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    print(f"seed {options.seed}; {platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}")
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    said: dict[str, Any] = {"seed": options.seed, "load_at_start": os.getloadavg()}
    failed = False
    for name in options.only or CAMPAIGNS:
        campaign, part = CAMPAIGNS[name]
        own, began = folder / name, time.monotonic()
        own.mkdir()
        try:
            report = campaign(Share(options.seed, options.minutes * 60 * part, own))
        except Exception:  # noqa: BLE001 - whatever ends one campaign is told, and the others still run
            report = Report(wrong=[traceback.format_exc()])
        seconds = round(time.monotonic() - began)
        failed = failed or bool(report.wrong)
        said[name] = report.figures | {"seconds": seconds, "wrong": report.wrong}
        print(f"{'FAILED' if report.wrong else 'ok':8}{name} in {seconds} s: {json.dumps(report.figures)}", flush=True)
        for line in report.wrong:
            print(f"        {line}", flush=True)
        if not report.wrong:
            shutil.rmtree(own, ignore_errors=True)
    said["load_at_end"] = os.getloadavg()
    if options.json:
        options.json.write_text(json.dumps(said, indent=2) + "\n")
    print(f"kept in {folder}" if failed else "all is well")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
