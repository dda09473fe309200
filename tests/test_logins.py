"""A login is readable by its owner only, and its token goes to the host and database it was made for."""

import stat
from pathlib import Path

import pytest

from agent_spaces.logins import Credentials, Login, LoginError, cli_token, config_folder, host_key

HOST = "http://localhost:3000"
ANN = Login("ann", "c2" * 32, "token-of-ann")
BEN = Login("ben", "c3" * 32, "token-of-ben")
CLI = """
spacetimedb_token = "secret"
[[server_configs]]
nickname = "local"
host = "127.0.0.1:3000"
protocol = "http"
[[server_configs]]
host = "maincloud.example.com"
protocol = "https"
[[server_configs]]
nickname = "broken"
"""


def test_a_saved_login_comes_back_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path)
    path = credentials.save(HOST, "spaces", ANN, default=False)

    assert credentials.load(HOST, "spaces", "ann") == ANN
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["ann.json"]


def test_saving_again_replaces_a_file_that_others_could_read(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path)
    path = credentials.save(HOST, "spaces", ANN, default=True)
    path.chmod(0o644)

    credentials.save(HOST, "spaces", Login("ann", "c2" * 32, "fresh"), default=True)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert credentials.load(HOST, "spaces") == Login("ann", "c2" * 32, "fresh")


def test_the_default_is_the_login_that_was_last_saved_as_such(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path)
    assert credentials.load(HOST, "spaces") is None
    credentials.save(HOST, "spaces", ANN, default=True)
    credentials.save(HOST, "spaces", BEN, default=False)

    assert credentials.load(HOST, "spaces") == ANN
    assert credentials.names(HOST, "spaces") == ["ann", "ben"]
    assert credentials.forget(HOST, "spaces", "ann")
    assert not credentials.forget(HOST, "spaces", "ann")
    assert credentials.load(HOST, "spaces") is None
    assert credentials.load(HOST, "spaces", "ben") == BEN


@pytest.mark.parametrize(
    ("host", "database"),
    [
        ("http://localhost:3001", "spaces"),
        ("https://localhost:3000", "spaces"),
        ("http://example.com:3000", "spaces"),
        (HOST, "other"),
    ],
)
def test_a_login_is_not_found_for_another_host_or_database(tmp_path: Path, host: str, database: str) -> None:
    credentials = Credentials(tmp_path)
    credentials.save(HOST, "spaces", ANN, default=True)

    assert credentials.load(host, database) is None
    assert credentials.load(host, database, "ann") is None


def test_the_ways_to_write_an_address_of_this_machine_are_one_host() -> None:
    same = {host_key(text) for text in ("localhost:3000", HOST, "http://127.0.0.1:3000/", "ws://[::1]:3000")}

    assert len(same) == 1
    assert host_key("https://Example.com") == host_key("wss://example.com:443") == "https_example.com_443"


@pytest.mark.parametrize("name", ["", "..", "a/b", "../ann", ".default", "a" * 65])
def test_a_name_cannot_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(LoginError, match="cannot be the name of a saved login"):
        Credentials(tmp_path).load(HOST, "spaces", name)
    with pytest.raises(LoginError, match="cannot be the name of a database"):
        Credentials(tmp_path).load(HOST, name or "/", "ann")


def test_a_file_that_is_no_login_is_named(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path)
    path = credentials.save(HOST, "spaces", ANN, default=True)
    for text in ("{", "[]", '{"name": "ann"}', '{"name": "ann", "identity": "c2", "token": 3}', "[" * 100_000):
        path.write_text(text)

        with pytest.raises(LoginError, match=r"ann\.json is not a saved login"):
            credentials.load(HOST, "spaces")


@pytest.mark.parametrize(
    ("host", "token"),
    [
        ("http://localhost:3000", "secret"),
        ("https://maincloud.example.com", "secret"),
        ("http://maincloud.example.com", None),
        ("http://localhost:3001", None),
        ("https://elsewhere.example.com", None),
    ],
)
def test_the_token_of_the_other_command_line_goes_only_to_its_own_servers(
    tmp_path: Path, host: str, token: str | None
) -> None:
    env = {"XDG_CONFIG_HOME": str(tmp_path)}
    (tmp_path / "spacetime").mkdir()
    (tmp_path / "spacetime" / "cli.toml").write_text(CLI)

    assert cli_token(env, host) == token


@pytest.mark.parametrize("text", [None, "= broken", "server_configs = 3\nspacetimedb_token = 'x'"])
def test_settings_of_the_other_command_line_that_say_nothing_give_no_token(tmp_path: Path, text: str | None) -> None:
    (tmp_path / "spacetime").mkdir()
    if text is not None:
        (tmp_path / "spacetime" / "cli.toml").write_text(text)

    assert cli_token({"XDG_CONFIG_HOME": str(tmp_path)}, HOST) is None


def test_the_folder_follows_the_environment() -> None:
    assert config_folder({"HOME": "/home/ann"}) == Path("/home/ann/.config")
    assert config_folder({"HOME": "/home/ann", "XDG_CONFIG_HOME": "/etc/ann"}) == Path("/etc/ann")
