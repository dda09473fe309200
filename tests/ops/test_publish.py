"""`spaces publish` and its kin as a user runs them, against what a SpacetimeDB 2.8.3 host was seen to answer."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_spaces.testing.host import running_host
from ops.recorded_host import Answer, RecordedHost, playing, recorded

WASM = b"\0asm\1\0\0\0"
INFO, PLAN, PUT = "GET /v1/database/pub", "POST /v1/database/pub/pre_publish", "PUT /v1/database/pub"
SQL, SCHEMA, DELETE = "POST /v1/database/pub/sql", "GET /v1/database/pub/schema", "DELETE /v1/database/pub"
LOGS = "GET /v1/database/pub/logs"
THERE = recorded("database info")
ONE_ROW = Answer(200, [{"schema": {"elements": []}, "rows": [[7]]}])
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run `spaces` as a user with a module of eight bytes and the token of the SpacetimeDB command line."""
    (tmp_path / "module.wasm").write_bytes(WASM)

    def run(host: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        settings = f'spacetimedb_token = "cli-token"\n[[server_configs]]\nprotocol = "http"\nhost = "{host[7:]}"\n'
        (tmp_path / "spacetime").mkdir(exist_ok=True)
        (tmp_path / "spacetime" / "cli.toml").write_text(settings)
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), **more}
        return subprocess.run(
            [sys.executable, "-m", "agent_spaces.cli.main", *arguments, "--server", host],
            env=env,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def publish(run: Run, host: RecordedHost | str, *more: str, **env: str) -> subprocess.CompletedProcess[str]:
    url = host if isinstance(host, str) else host.url
    return run(url, "publish", "pub", "--module-path", "module.wasm", *more, **env)


def test_a_new_name_is_published_at_once(run: Run) -> None:
    with playing({PUT: recorded("first publish")}) as host:
        done = publish(run, host, "--json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["op"] == "created"
    assert host.paths() == ["GET /v1/health", INFO, PUT]
    assert (host.asked[-1].token, host.asked[-1].content_type) == ("cli-token", "application/wasm")
    assert host.asked[-1].body == WASM


def test_an_update_that_keeps_clients_shows_its_plan_and_goes_through(run: Run) -> None:
    label = "a table and a reducer added"
    with playing({INFO: THERE, PLAN: recorded(label, "pre_publish"), PUT: recorded(label, "publish")}) as host:
        done = publish(run, host)

    assert done.returncode == 0, done.stderr
    assert "▸ Created user table: extra (public)" in done.stderr
    assert host.paths()[-2:] == [f"{PLAN}?style=NoColor", PUT]
    assert "pub was updated" in done.stdout


def test_an_update_that_cuts_clients_off_is_not_done_unasked(run: Run) -> None:
    label = "the column, policy=BreakClients with token"
    plan, published = recorded(label, "pre_publish"), recorded(label, "publish")
    with playing({INFO: THERE, PLAN: plan, PUT: published}) as host:
        asked = publish(run, host)
        unchanged = host.paths()
        agreed = publish(run, host, "-y")

    assert (asked.returncode, "Add -y if you mean it" in asked.stderr) == (2, True)
    assert "All clients will be disconnected" in asked.stderr
    assert not [path for path in unchanged if path.startswith("PUT")]
    assert agreed.returncode == 0, agreed.stderr
    token = plan.body["AutoMigrate"]["token"]
    assert host.paths()[-1] == f"{PUT}?policy=BreakClients&token={token}"


@pytest.mark.parametrize("label", ["the column removed again", "a column retyped", "a column added without default"])
def test_what_cannot_be_migrated_is_said_in_the_hosts_words_and_not_tried(run: Run, label: str) -> None:
    with playing({INFO: THERE, PLAN: recorded(label, "pre_publish")}) as host:
        done = publish(run, host, "-y")

    assert done.returncode == 1
    assert "pub cannot be updated to this module as it is: " in done.stderr
    assert recorded(label, "pre_publish").body["ManualMigrate"]["reason"].splitlines()[1] in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not [path for path in host.paths() if path.startswith("PUT")]


def test_clearing_says_what_it_deletes_and_wants_a_yes(run: Run) -> None:
    with playing({INFO: THERE, SQL: ONE_ROW, PUT: recorded("only code changed", "publish")}) as host:
        asked = publish(run, host, "--clear-database")
        unchanged = host.paths()
        agreed = publish(run, host, "--clear-database", "-y")

    assert asked.returncode == 2
    assert "This deletes pub at" in asked.stderr
    assert "7 rows of message" in asked.stderr
    assert not [path for path in unchanged if path.startswith("PUT")]
    assert (agreed.returncode, host.paths()[-1]) == (0, f"{PUT}?clear=true")


@pytest.mark.parametrize(
    ("answers", "code", "text"),
    [
        ({INFO: THERE, PLAN: recorded("pre_publish by a stranger")}, 5, "The name pub is taken at"),
        ({PUT: recorded("update by a stranger")}, 5, "Choose another name, or sign in as its owner."),
        ({PUT: recorded("publish garbage")}, 1, "failed to parse WebAssembly module: magic header not detected"),
        ({PUT: recorded("publish empty wasm")}, 1, "unable to determine ABI of module"),
        ({PUT: recorded("publish with a panicking init")}, 1, "The instance encountered a fatal error."),
        ({PUT: recorded("publish with a rule on a private table")}, 1, "Cannot define RLS rule on private table"),
        ({INFO: recorded("ping with a bad token")}, 3, "does not accept the token (Invalid token: InvalidToken)"),
        ({INFO: recorded("publish bad name")}, 1, "invalid characters in database name"),
        ({PUT: Answer(504, "timed out")}, 6, "could not confirm it in time"),
        ({"GET /v1/health": Answer(200, {"version": "2.7.0"})}, 1, "runs SpacetimeDB 2.7.0; the module needs 2.8"),
    ],
)
def test_what_a_host_refuses_is_one_sentence_and_a_code(
    run: Run, answers: dict[str, Answer], code: int, text: str
) -> None:
    with playing(answers) as host:
        done = publish(run, host, "-y")

    assert (done.returncode, text in done.stderr) == (code, True), done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_without_a_host_a_token_or_a_module_nothing_is_sent(run: Run, tmp_path: Path) -> None:
    with playing({PUT: recorded("first publish")}) as host:
        bad = run(host.url, "publish", "pub", "--module-path", "spacetime/cli.toml")
        gone = run(host.url, "publish", "pub", "--module-path", "nothing.wasm")
        elsewhere = publish(run, "http://127.0.0.1:1")
        stranger = publish(run, host, XDG_CONFIG_HOME=str(tmp_path / "empty"))
        new = publish(run, host, "--new-identity", XDG_CONFIG_HOME=str(tmp_path / "empty"))

    assert (bad.returncode, gone.returncode, elsewhere.returncode) == (2, 2, 6)
    assert "is no compiled WebAssembly module" in bad.stderr
    assert "There is no module at nothing.wasm." in gone.stderr
    assert stranger.returncode == 3
    assert "run spacetime login" in stranger.stderr
    assert new.returncode != 0
    assert not [path for path in host.paths() if path.startswith("PUT")]


def test_a_host_of_ones_own_gets_an_owner_who_is_saved(run: Run, tmp_path: Path) -> None:
    identity = {"identity": "c2" + "0" * 62, "token": "fresh-token"}
    with playing({PUT: recorded("first publish"), "POST /v1/identity": Answer(200, identity)}) as host:
        done = publish(run, host, "--new-identity")
        again = publish(run, host, "--new-identity")

    assert (done.returncode, again.returncode) == (0, 0), done.stderr
    assert host.paths().count("POST /v1/identity") == 1
    assert {asked.token for asked in host.asked if asked.method == "PUT"} == {"fresh-token"}
    [saved] = (tmp_path / "spaces" / "logins").rglob("owner.json")
    assert saved.stat().st_mode & 0o777 == 0o600


def test_logs_schema_and_delete(run: Run) -> None:
    schema = Answer(200, {"sections": []})
    answers = {LOGS: recorded("logs as owner"), SCHEMA: schema, SQL: ONE_ROW, DELETE: Answer(200, "")}
    with playing(answers) as host:
        logged = run(host.url, "logs", "pub", "-n", "4")
        printed = run(host.url, "schema", "pub")
        asked = run(host.url, "delete", "pub")
        deleted = run(host.url, "delete", "pub", "-y")

    assert len(logged.stdout.splitlines()) == len(str(recorded("logs as owner").body).splitlines())
    assert " error " in logged.stdout
    assert json.loads(printed.stdout) == {"sections": []}
    assert (asked.returncode, deleted.returncode) == (2, 0)
    assert "7 rows of server" in asked.stderr
    assert host.paths().count(DELETE) == 1


def test_strangers_and_unknown_names(run: Run) -> None:
    answers = {LOGS: recorded("logs as stranger"), SCHEMA: Answer(200, {}), DELETE: recorded("delete as stranger")}
    with playing(answers) as host:
        logs, delete = run(host.url, "logs", "pub"), run(host.url, "delete", "pub", "-y")
        unknown = run(host.url, "delete", "nope", "-y")

    assert (logs.returncode, delete.returncode, unknown.returncode) == (3, 3, 4)
    assert unknown.stderr == f"spaces: There is no database nope at {host.url}.\n"


async def test_the_embedded_host_says_that_it_takes_no_modules(run: Run, tmp_path: Path) -> None:
    async with running_host(tmp_path / "data") as host:
        done = run(host.url, "publish", "spaces", "--module-path", "module.wasm", SPACETIMEDB_TOKEN=host.owner_token)
        logged = run(host.url, "logs", "spaces", SPACETIMEDB_TOKEN=host.owner_token)
        printed = run(host.url, "schema", "spaces", "--version", "9", SPACETIMEDB_TOKEN=host.owner_token)

    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "Nothing can be published to this host" in done.stderr
    assert logged.returncode == 0, logged.stderr
    assert "tables" in json.loads(printed.stdout)
