"""The official TypeScript SDK works against the embedded host, with the bindings that `spaces generate` wrote.

The scenarios are in scenarios.ts; here a host is started, bindings are generated from it, everything is type-checked
under `strict` and each scenario is run in a Node process of its own, over protocol v2 and v3.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio

from agent_spaces.client.generate import typescript_bindings
from client.generate.schemas import FOREIGN, PUBLISHED
from sdk.judged import Judged, judged_host

HERE = Path(__file__).parent
SOURCES = ("scenarios.ts", "support.ts")
SCENARIOS = re.findall(r"^  async (\w+)\(", (HERE / "scenarios.ts").read_text(), re.MULTILINE)
NODE_OLDEST = 20
_numbers = count()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one test process at a time in."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=150)


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The locked packages, installed once; skipped without Node, but never in CI."""
    node = shutil.which("node")
    version = 0 if node is None else int(_run(node, "--version", cwd=HERE).stdout.lstrip("v").split(".")[0])
    if version < NODE_OLDEST or shutil.which("npm") is None:
        reason = f"Node {NODE_OLDEST} or newer and npm are needed to run the official TypeScript SDK."
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    installed, lock = HERE / "node_modules", HERE / "package-lock.json"
    stamp, wanted = installed / ".installed-from", hashlib.sha256(lock.read_bytes()).hexdigest()
    with _locked(HERE / ".npm-ci.lock"):
        if not stamp.exists() or stamp.read_text() != wanted:
            done = _run("npm", "ci", "--no-audit", "--no-fund", cwd=HERE)
            if done.returncode != 0:
                pytest.fail(f"npm ci failed: {done.stderr}")
            stamp.write_text(wanted)
    return installed


def _project(folder: Path, node_modules: Path) -> Path:
    """Make a folder in which TypeScript finds the SDK."""
    folder.mkdir(exist_ok=True)
    (folder / "node_modules").symlink_to(node_modules)
    (folder / "package.json").write_text('{"type": "module"}')
    shutil.copy(HERE / "tsconfig.json", folder)
    return folder


def _compile(folder: Path) -> None:
    done = _run("node", folder / "node_modules/typescript/bin/tsc", "--project", folder, cwd=folder)
    assert done.returncode == 0, done.stdout


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def host(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Judged]:
    async with judged_host(tmp_path_factory.mktemp("host") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def built(host: Judged, node_modules: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scenarios as JavaScript, with bindings that were generated from the running host."""
    folder = _project(tmp_path_factory.mktemp("sdk"), node_modules)
    (folder / "generated").mkdir()
    command = (sys.executable, "-m", "agent_spaces.cli.main", "generate", "--lang", "typescript")
    done = _run(*command, "--out", folder / "generated", "--host", host.url, "--database", host.database, cwd=folder)
    assert done.returncode == 0, done.stderr
    for name in SOURCES:
        shutil.copy(HERE / name, folder)
    _compile(folder)
    return folder


@pytest.mark.parametrize("protocol", ["v2.bsatn.spacetimedb", "v3.bsatn.spacetimedb"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_official_sdk(built: Path, host: Judged, scenario: str, protocol: str) -> None:
    env = {
        **os.environ,
        "SPACES_HOST": host.url,
        "SPACES_DATABASE": host.database,
        "SPACES_PROTOCOL": protocol,
        "SPACES_SUFFIX": f"{os.getpid()}-{next(_numbers)}",
    }
    done = _run("node", built / "scenarios.js", scenario, cwd=built, env=env)

    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{host.words}"


def test_generated_bindings_pass_a_strict_type_check(node_modules: Path, tmp_path: Path) -> None:
    folder = _project(tmp_path / "check", node_modules)
    for name, body in (("foreign", FOREIGN), ("published", PUBLISHED)):
        text = typescript_bindings(body, include_private=True)["index.ts"]
        (folder / f"{name}.ts").write_text(text)
    _compile(folder)


def test_the_lock_names_no_registry() -> None:
    assert '"resolved"' not in (HERE / "package-lock.json").read_text()
