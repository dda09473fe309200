"""What is no matter of sending: connecting, history, starts, idle subscriptions, checkpoints; of the host alone."""

import json
import statistics
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from loading import load, load_command
from machine import rss_mb
from servers import Spaces

HISTORY_MESSAGES = 10_000
Figures = dict[str, Any]


@contextmanager
def host(channels: int = 1) -> Iterator[Spaces]:
    """Give a fresh host with channels."""
    server = Spaces()
    try:
        server.start()
        server.prepare(channels)
        yield server
    finally:
        server.clean()


def _options(server: Spaces, prefix: str) -> list[str]:
    return [*server.load_options(), "-P", str(server.port), "-p", str(server.pid), "-u", prefix]


def connect(quick: bool) -> Figures:
    """Connections a second: handshake, InitialConnection, a first snapshot of the servers; 16 at once."""
    with host() as server:
        return load(
            *_options(server, "c"),
            "-m",
            "connect",
            "-c",
            "200" if quick else "1000",
            "-d",
            "16",
            "-q",
            "SELECT * FROM server",
        )


def history(quick: bool) -> Figures:
    """A channel of 10,000 messages: the last 50 and the last 1,000, asked one after the other."""
    with host() as server:
        filled = load(*_options(server, "h"), "-c", "10", "-s", "10", "-d", "50", "-N", str(HISTORY_MESSAGES))
        result: Figures = {"filled": filled.get("acks", filled)}
        for count in (50, 1000):
            text = (
                f"SELECT * FROM message WHERE channel_id = {server.first_channel} AND seq > {HISTORY_MESSAGES - count}"
            )
            asked = [
                *_options(server, f"q{count}-"),
                "-m",
                "ask",
                "-c",
                "1",
                "-s",
                "1",
                "-N",
                "100" if quick else "500",
            ]
            result[f"last_{count}"] = load(*asked, "-q", text)
    return result


def cold(quick: bool) -> Figures:
    """Start with many messages: seconds until a connection is accepted, and memory for each of them."""
    count = 100_000 if quick else 1_000_000
    with host(100) as server:
        server.stop()
        empty_s = server.start()
        empty_mb = rss_mb(server.pid)
        filled = load(*_options(server, "f"), "-c", "100", "-s", "100", "-k", "100", "-d", "40", "-N", str(count))
        if "failed" in filled:
            return filled
        server.stop()
        start_s = server.start()
        grown_mb = rss_mb(server.pid) - empty_mb
        log_mb = sum(each.stat().st_blocks for each in server.folder.rglob("*") if each.is_file()) * 512 / 1e6
    return {
        "messages": filled["acks"],
        "start_empty_s": round(empty_s, 2),
        "start_s": round(start_s, 2),
        "bytes_a_message": round(grown_mb * 1e6 / filled["acks"]),
        "disk_mb": round(log_mb),
    }


def idle(quick: bool) -> Figures:
    """What 20,000 idle subscriptions add to a send (own channels at 2,000 a second), and the memory of a connection."""
    rounds, seconds = (2, "2") if quick else (4, "4")
    sends = ["-c", "100", "-s", "50", "-k", "50", "-d", "24", "-r", "2000", "-w", "1", "-t", seconds]
    without: list[float] = []
    with_them: list[float] = []
    with host(50) as server:
        for number in range(rounds):
            without.append(load(*_options(server, f"a{number}-"), *sends)["cpu_us_tx"])
            before = rss_mb(server.pid)
            command = load_command("load", *_options(server, f"i{number}-"), "-m", "idle", "-c", "200", "-d", "100")
            listeners = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            assert listeners.stdin is not None
            assert listeners.stdout is not None
            listeners.stdout.readline()
            held_mb = rss_mb(server.pid) - before
            with_them.append(load(*_options(server, f"b{number}-"), *sends)["cpu_us_tx"])
            listeners.stdin.close()
            listeners.wait(30)
    return {
        "cpu_us_tx": statistics.median(without),
        "cpu_us_tx_with_20000": statistics.median(with_them),
        "added_us": [round(after - before, 2) for before, after in zip(without, with_them, strict=True)],
        "connection_with_100_subscriptions_kb": round(held_mb * 1000 / 200, 1),
    }


def checkpoint(quick: bool) -> Figures:
    """The p99 of answers while a checkpoint is being written, and otherwise; 2,000 texts of 3 kB a second."""
    windows = 6 if quick else 16
    quiet: list[float] = []
    busy: list[float] = []
    with host(50) as server:
        database = server.folder / "data" / "tables.db"
        sends = ["-c", "100", "-s", "50", "-k", "50", "-d", "24", "-r", "2000", "-n", "3000", "-w", "0.5", "-t", "3"]
        for number in range(windows):
            before = database.stat().st_mtime
            figures = load(*_options(server, f"w{number}-"), *sends)
            written = database.stat().st_mtime != before or _has_child(server.pid)
            (busy if written else quiet).append(figures["ack_p99_ms"])
    if not busy or not quiet:
        return {"failed": f"{len(busy)} windows with a checkpoint, {len(quiet)} without: nothing to compare"}
    ratio = statistics.median(busy) / statistics.median(quiet)
    return {"p99_ms": quiet, "p99_ms_during": busy, "ratio": round(ratio, 2), "goal": 2}


def _has_child(pid: int) -> bool:
    return bool(Path(f"/proc/{pid}/task/{pid}/children").read_text().strip())


EXTRAS: dict[str, Callable[[bool], Figures]] = {
    "connect": connect,
    "history": history,
    "cold": cold,
    "idle": idle,
    "checkpoint": checkpoint,
}


def print_extra(name: str, figures: Figures) -> None:
    """Print one of them."""
    print(f"\n{name}\n  {json.dumps(figures)}", flush=True)
