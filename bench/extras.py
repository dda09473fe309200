"""What is no matter of sending: connecting, history, starts, idle subscriptions, checkpoints; of the host alone."""

import json
import signal
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from loading import load, load_command
from machine import cpu_s, rss_mb
from servers import NativeSpaces, Spaces

HISTORY_MESSAGES = 10_000
Figures = dict[str, Any]


@contextmanager
def host(channels: int = 1) -> Iterator[Spaces]:
    """Give a fresh host with channels: compiled where it can be, as users have it."""
    server = Spaces() if NativeSpaces.available() else NativeSpaces()
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
    """Start with many messages, from the log alone and from a checkpoint: seconds and memory.

    `start_s` is until a connection is accepted; `cpu_s` what the host used until then, which other work does not move.
    """
    count = 300_000 if quick else 1_000_000
    with host(100) as server:
        server.stop()
        result: Figures = {"empty": _started(server)}
        filled = load(*_options(server, "f"), "-c", "100", "-s", "100", "-k", "100", "-d", "40", "-N", str(count))
        if "failed" in filled:
            return filled
        result |= {"messages": filled["acks"], "filled_mb": rss_mb(server.pid)}
        server.stop(signal.SIGKILL)
        result["from_log"] = _started(server)
        result["checkpoint_mb_before"] = round(_database(server).stat().st_size / 1e6, 1)
        load(*_options(server, "q"), "-m", "connect", "-c", "1", "-d", "1", "-q", "SELECT * FROM server")
        time.sleep(1)
        while _has_child(server.pid):  # the log behind the checkpoint is long, so the first write began a new one
            time.sleep(0.2)
        server.stop()
        result["from_checkpoint"] = _started(server)
        result["checkpoint_mb"] = round(_database(server).stat().st_size / 1e6, 1)
        disk = sum(each.stat().st_blocks for each in server.folder.rglob("*") if each.is_file()) * 512
    for kind in ("from_log", "from_checkpoint"):
        grown = result[kind]["rss_mb"] - result["empty"]["rss_mb"]
        result[kind]["bytes_a_message"] = round(grown * 1e6 / filled["acks"])
    return result | {"disk_mb": round(disk / 1e6)}


def _started(server: Spaces) -> Figures:
    seconds = server.start()
    return {"start_s": round(seconds, 2), "cpu_s": cpu_s(server.pid), "rss_mb": rss_mb(server.pid)}


def _database(server: Spaces) -> Path:
    return server.folder / "data" / "tables.db"


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


class _Watch(threading.Thread):
    """Notes for what share of a window a child of the server was at work."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid, self._over, self._seen = pid, threading.Event(), [0, 0]
        self.start()

    def run(self) -> None:
        """Look twenty times a second."""
        while not self._over.wait(0.05):
            self._seen = [self._seen[0] + _has_child(self._pid), self._seen[1] + 1]

    def share(self) -> float:
        """Stop looking."""
        self._over.set()
        self.join()
        return self._seen[0] / max(1, self._seen[1])


def checkpoint(quick: bool) -> Figures:
    """The p99 of answers while a checkpoint is being written, and otherwise; 2,000 texts of 3 kB a second.

    A window in which one was at work for more than half the time counts as during; one with less counts for nothing.
    """
    windows, rows = (12, 0) if quick else (48, 1_000_000)
    groups: dict[str, list[Figures]] = {"quiet": [], "during": []}
    with host(50) as server:
        if rows:
            load(*_options(server, "f"), "-c", "50", "-s", "50", "-k", "50", "-d", "40", "-N", str(rows))
        sends = ["-c", "100", "-s", "50", "-k", "50", "-d", "24", "-r", "2000", "-n", "3000", "-w", "0.3", "-t", "1.5"]
        for number in range(windows):
            watch = _Watch(server.pid)
            figures = load(*_options(server, f"w{number}-"), *sends)
            share = watch.share()
            if not share or share > 0.5:
                groups["during" if share else "quiet"].append(figures)
    if not all(groups.values()):
        return {"failed": f"windows: { {name: len(each) for name, each in groups.items()} }: nothing to compare"}
    result: Figures = {"rows": rows}
    for name, each in groups.items():
        for figure in ("ack_p50_ms", "ack_p99_ms"):
            result[f"{figure}_{name}"] = [one[figure] for one in each]
    for figure in ("ack_p50_ms", "ack_p99_ms"):
        during, quiet = (statistics.median(result[f"{figure}_{name}"]) for name in ("during", "quiet"))
        result[f"ratio_{figure}"] = round(during / quiet, 2)
    return result | {"goal": 2}


def _has_child(pid: int) -> bool:
    """Whether any thread of a process has a child."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):  # it ended meanwhile
            if (thread / "children").read_text().strip():
                return True
    return False


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
