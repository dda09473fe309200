"""How fast work finds workers: claims a second, and the time from posting a task to its claim; of the host alone.

The workers are connections of the generator that behave as agents do (bench/load/tasks.h). `cpu` is the host's share of
its core, `load_cpu` the generator's of its own, `others` what neither of them used of the machine.
"""

import subprocess
from typing import Any

from extras import host
from loading import load, load_command
from machine import Noise, cpu_s
from servers import Spaces

Figures = dict[str, Any]
WORKERS, SUBMITTERS = 100, 4
OPEN_TASKS = 500
POSTS_PER_SECOND = 20
BUSY = 0.9  # of a core
CHAT_CHANNELS, CHAT_PER_SECOND = 50, 1000


def claims(quick: bool) -> Figures:
    """100 workers on one channel with 500 open tasks: each claims one, completes it and claims the next."""
    with host() as server:
        return _work(server, "w", WORKERS, "-d", str(OPEN_TASKS), "-w", "1", "-t", "5" if quick else "15")


def post_to_claim(quick: bool) -> Figures:
    """20 tasks a second to 1 worker and to 100 of them: the host idle, and while 1,000 messages a second are sent."""
    timing = ["-r", str(POSTS_PER_SECOND), "-w", "0.3", "-t", "1" if quick else "9"]
    result: Figures = {}
    with host(1 + CHAT_CHANNELS) as server:
        for workers in (1, WORKERS):
            result[f"idle_{workers}"] = _work(server, f"i{workers}-", workers, *timing)
        chat = _chat(server, "60")
        try:
            for workers in (1, WORKERS):
                result[f"loaded_{workers}"] = _work(server, f"l{workers}-", workers, *timing)
        finally:
            chat.terminate()
            chat.wait(30)
    return result


def _work(server: Spaces, prefix: str, workers: int, *words: str) -> Figures:
    counts = ["-m", "tasks", "-u", prefix, "-c", str(workers + SUBMITTERS), "-s", str(SUBMITTERS)]
    noise, began = Noise(), cpu_s(server.pid)
    figures = load(*server.load_options(), "-P", str(server.port), "-p", str(server.pid), *counts, *words)
    if "failed" in figures:
        return figures
    own_cpu_s = cpu_s(server.pid) - began + figures["load_cpu"] * figures["seconds"]
    return figures | noise.end(own_cpu_s) | {"limit": _limit(figures)}


def _limit(figures: Figures) -> str:
    if figures["cpu"] >= BUSY:
        return "the host's core"
    return "the generator's core" if figures["load_cpu"] >= BUSY else "waiting: fsyncs, patience, other work"


def _chat(server: Spaces, seconds: str) -> "subprocess.Popen[bytes]":
    """Send messages to one listener a channel, in channels where there are no tasks, until it is ended."""
    options = server.load_options()
    options[options.index("-f") + 1] = str(server.first_channel + 1)
    counts = ["-c", str(2 * CHAT_CHANNELS), "-s", str(CHAT_CHANNELS), "-k", str(CHAT_CHANNELS), "-u", "chat"]
    timing = ["-r", str(CHAT_PER_SECOND), "-w", "0", "-t", seconds]
    command = load_command("load", *options, "-P", str(server.port), "-p", str(server.pid), *counts, *timing)
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


COORDINATION = {"claims": claims, "post_to_claim": post_to_claim}
