"""`make bench`: every case against every server, interleaved; a table, and with --json FILE all figures.

The server runs on core 0 and the load on core 1, so only one thing runs at a time and nothing else should.
"""

import argparse
import json
import os
import signal
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from cases import CHATS, Chat
from coordination import COORDINATION
from extras import EXTRAS as ALONE
from extras import print_extra
from loading import build_load, load
from machine import Noise, cpu_s, describe, rss_mb
from peers import PEERS, Peer
from servers import OURS, Blueprint, Server, Spaces

EXTRAS = ALONE | COORDINATION
QUICK = os.environ.get("QUICK", "") not in ("", "0")
ROUNDS_MIN = 1 if QUICK else 2
PEER_ROUNDS = 2
CHATS_S = 165.0 if QUICK else 1020.0  # of 300 and 1,500 in all: the rest is for cases of another kind
QUICK_PEER_CASES = frozenset({"own", "ch100"})
FIGURES = ("tx_s", "deliveries_s", "ack_p50_ms", "ack_p99_ms", "delivery_p50_ms", "delivery_p99_ms", "cpu", "cpu_us_tx")


def run_chat(server: Server, case: Chat, seconds: float, warm: float) -> dict[str, Any]:
    """Measure one case on a fresh server."""
    server.start()
    server.prepare(case.channels)
    options = server.load_options()
    if case.direct:
        options[options.index("-f") + 1] = "1"
    noise, began = Noise(), cpu_s(server.pid)
    timing = ["-w", str(warm), "-t", str(seconds), "-p", str(server.pid), "-P", str(server.port)]
    figures = load(*options, *server.words(case), *timing, program=server.program)
    if "failed" not in figures:
        figures["rss_mb"] = rss_mb(server.pid)
        figures |= noise.end(cpu_s(server.pid) - began + seconds * min(1.0, figures.get("cpu", 1.0)))
    return figures


def chats(names: list[str], kinds: list[type[Server]], rounds: int, seconds: float, until: float) -> dict[str, Any]:
    """Run the cases, all servers of a round one after the other, every second round in reverse.

    Each case has its part of the time that is left: after ROUNDS_MIN a round begins only if it will end in it.
    """
    results: dict[str, Any] = {}
    for place, name in enumerate(names):
        case = CHATS[name]
        runs: dict[str, list[dict[str, Any]]] = {}
        began = time.monotonic()
        share_s = (until - began) / (len(names) - place)
        for number in range(rounds):
            if number >= ROUNDS_MIN and (time.monotonic() - began) * (number + 1) / number > share_s:
                break
            for kind in kinds[:: 1 if number % 2 == 0 else -1]:
                if not _takes_part(kind, name, case, number):
                    continue
                server = kind()
                try:
                    figures = run_chat(server, case, seconds, min(1.0, seconds / 3))
                finally:
                    server.clean()
                runs.setdefault(kind.name, []).append(figures)
        results[name] = summary(case, runs)
        for kind in kinds:
            if kind.name in runs:
                results[name]["servers"][kind.name]["does"] = kind.does
        print_case(name, results[name])
    return results


def _takes_part(kind: type[Server], name: str, case: Chat, number: int) -> bool:
    """Tell whether a server is in this round: other servers need fewer, since a few percent decide nothing there."""
    if not issubclass(kind, Peer):
        return not (case.direct and issubclass(kind, Blueprint))
    if QUICK:
        return number == 0 and name in kind.takes & QUICK_PEER_CASES
    return number < PEER_ROUNDS and name in kind.takes


def summary(case: Chat, runs: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return median and range of every figure by server, and the ratios to the prototype round by round."""
    servers = {}
    for name, rounds in runs.items():
        good = [each for each in rounds if "failed" not in each]
        entry: dict[str, Any] = {"rounds": rounds, "failed": len(rounds) - len(good)}
        entry["complete"] = bool(good) and all(each["complete"] and not each["errors"] for each in good)
        for figure in (*FIGURES, "rss_mb", "steal", "others"):
            values = [each[figure] for each in good if figure in each]
            if values:
                entry[figure] = {"median": statistics.median(values), "min": min(values), "max": max(values)}
        servers[name] = entry
    result: dict[str, Any] = {"says": case.says, "servers": servers, "ratio_of": case.better, "goal": case.goal}
    for ours in servers:
        theirs = ours.replace(Spaces.name, Blueprint.name)
        if not ours.startswith(Spaces.name) or theirs not in servers:
            continue
        pairs = [
            each for each in zip(runs[ours], runs[theirs], strict=True) if all("failed" not in one for one in each)
        ]
        if pairs:
            suffix = ours.removeprefix(Spaces.name).replace("-", "_")
            ratios = [one[case.better] / other[case.better] for one, other in pairs]
            result[f"ratio_to_prototype{suffix}"] = round(statistics.median(ratios), 3)
            result[f"ratios{suffix}"] = [round(each, 3) for each in ratios]
            cpu = [one["cpu_us_tx"] / other["cpu_us_tx"] for one, other in pairs]
            result[f"cpu_ratio_to_prototype{suffix}"] = round(statistics.median(cpu), 3)
    return result


def print_case(name: str, result: dict[str, Any]) -> None:
    """Print one case as it is done."""
    print(f"\n{name}: {result.get('says', '')}")
    for server, entry in result["servers"].items():
        if "tx_s" not in entry:
            print(f"  {server:<14} failed: {entry['rounds'][0].get('failed')}")
            continue
        tx = entry["tx_s"]
        print(
            f"  {server:<14} {tx['median']:>9.0f} tx/s [{tx['min']:.0f}-{tx['max']:.0f}]"
            f"  {entry['deliveries_s']['median']:>9.0f} del/s"
            f"  ack {entry['ack_p50_ms']['median']:.2f}/{entry['ack_p99_ms']['median']:.2f} ms"
            f"  del {entry['delivery_p50_ms']['median']:.2f}/{entry['delivery_p99_ms']['median']:.2f} ms"
            f"  {entry['cpu_us_tx']['median']:.1f} us/tx  {entry.get('rss_mb', {}).get('median', 0):.0f} MB"
            f"  others {entry.get('others', {}).get('median', 0):.2f}" + ("" if entry["complete"] else "  INCOMPLETE")
        )
    for key, value in result.items():
        if "ratio_to_prototype" in key:
            what = "CPU a transaction" if key.startswith("cpu") else f"{result['ratio_of']}; goal {result['goal']}"
            print(f"  {key} = {value} ({what})")
    sys.stdout.flush()


def main() -> None:
    """Measure what the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", default="", help="file for all figures")
    parser.add_argument("--cases", default="", help="names, separated by commas; all if not said")
    parser.add_argument("--servers", default="", help="names, separated by commas; all that are there if not said")
    parser.add_argument("--rounds", type=int, default=2 if QUICK else 5, help="at most; fewer where time is short")
    parser.add_argument("--seconds", type=float, default=1.5 if QUICK else 4.0)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    build_load()
    wanted = [each for each in given.cases.split(",") if each] or [*CHATS, *EXTRAS]
    kinds: list[type[Server]] = []
    left_out: dict[str, str] = {}
    for kind in (*OURS, *PEERS):
        why_not = kind.available()
        if given.servers and kind.name not in given.servers.split(","):
            continue
        if why_not:
            left_out[kind.name] = why_not
            print(f"{kind.name} is left out: {why_not}")
        else:
            kinds.append(kind)
            print(f"{kind.name}: {kind.does}" + (f" [{', '.join(kind.cases())}]" if issubclass(kind, Peer) else ""))
    began = time.monotonic()
    machine = describe()
    print(f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, Python {machine['python']}")
    cases = chats([name for name in wanted if name in CHATS], kinds, given.rounds, given.seconds, began + CHATS_S)
    for name in wanted:
        if name in EXTRAS:
            cases[name] = EXTRAS[name](QUICK)
            print_extra(name, cases[name])
    result = {
        "machine": machine,
        "quick": QUICK,
        "rounds_max": given.rounds,
        "seconds": given.seconds,
        "left_out": left_out,
        "cases": cases,
    }
    print(f"\ntook {time.monotonic() - began:.0f} s")
    if given.json:
        Path(given.json).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
