"""The official Rust SDK works against the embedded host.

The scenarios are in rust/src/scenarios.rs, with bindings for the tables and reducers that they use; each runs in a
process of its own.
"""

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from sdk.judged import Judged, judged_host

CRATE = Path(__file__).parent / "rust"
SCENARIOS = re.findall(r'^    \("(\w+)", \w+\),$', (CRATE / "src" / "scenarios.rs").read_text(), re.MULTILINE)
BUILD_SECONDS = 1800  # 400 crates on a machine that has seen none of them


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one test process at a time in."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scenarios, compiled from the lock file; skipped without cargo, but never in CI."""
    if shutil.which("cargo") is None:
        reason = "cargo is needed to run the official Rust SDK."
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    target = Path(os.environ.get("CARGO_TARGET_DIR") or CRATE / "target")
    target.mkdir(parents=True, exist_ok=True)
    with _locked(target / ".building.lock"):
        done = subprocess.run(
            ["cargo", "build", "--quiet", "--locked"],
            cwd=CRATE,
            env={**os.environ, "CARGO_TARGET_DIR": str(target)},
            capture_output=True,
            text=True,
            check=False,
            timeout=BUILD_SECONDS,
        )
    if done.returncode != 0:
        pytest.fail(f"cargo build failed: {done.stderr[-4000:]}")
    return target / "debug" / "spaces-sdk-test"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def host(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Judged]:
    async with judged_host(tmp_path_factory.mktemp("host") / "data") as running:
        yield running


def test_there_are_scenarios() -> None:
    assert len(SCENARIOS) >= 10


@pytest.mark.timeout(BUILD_SECONDS + 120)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_official_sdk(binary: Path, host: Judged, scenario: str, tmp_path: Path) -> None:
    env = {**os.environ, "SPACES_HOST": host.url, "SPACES_DATABASE": host.database, "HOME": str(tmp_path)}
    done = subprocess.run(
        [binary, scenario], env=env, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=150
    )

    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-3000:]}\n{host.words}"
