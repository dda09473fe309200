"""What the figures were taken on, and how quiet it was meanwhile."""

import os
import platform
import time
from pathlib import Path
from typing import Any


def describe() -> dict[str, Any]:
    """Return the machine, as far as it matters to the figures."""
    cpu = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )
    memory_kb = int(Path("/proc/meminfo").read_text().split()[1])
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory_gb": round(memory_kb / 1e6, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _ticks() -> list[int]:
    return [int(each) for each in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]


class Noise:
    """How much of both cores others took between `begin` and `end`: the host of the machine (steal) and other work."""

    def __init__(self) -> None:
        self._ticks, self._at = _ticks(), time.monotonic()

    def end(self, own_cpu_s: float) -> dict[str, float]:
        """Return shares of one core; `own_cpu_s` is what server and generator used themselves."""
        ticks, took = _ticks(), time.monotonic() - self._at
        busy = sum(ticks[i] - self._ticks[i] for i in (0, 1, 2, 5, 6)) / os.sysconf("SC_CLK_TCK")
        steal = (ticks[7] - self._ticks[7]) / os.sysconf("SC_CLK_TCK")
        return {"steal": round(steal / took, 3), "others": round(max(0.0, busy - own_cpu_s) / took, 3)}


def rss_mb(pid: int) -> float:
    """Return the memory of a process in megabytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1000
    return 0.0


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
