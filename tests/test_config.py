"""Host settings: the last source wins, and every problem is told at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_spaces.config import HostConfig, is_loopback, load_host_config
from agent_spaces.errors import ConfigError

PEM = "-----BEGIN PUBLIC KEY-----"


def test_nothing_given_gives_the_defaults() -> None:
    assert load_host_config({}) == HostConfig()


@given(toml=st.integers(0, 65535), environment=st.integers(0, 65535))
def test_environment_wins_over_toml_and_toml_over_the_default(toml: int, environment: int) -> None:
    text = f"listen_port = {toml}"

    assert load_host_config({}, text).listen_port == toml
    assert load_host_config({"SPACES_LISTEN_PORT": str(environment)}, text).listen_port == environment


def test_every_kind_of_field_is_read_from_both_sources() -> None:
    toml = """
        allow_anonymous = true
        allowed_origins = ["https://a.example", "https://b.example"]
        ping_interval_s = 5
        log_level = "debug"
    """
    env = {
        "SPACES_ALLOW_ANONYMOUS": "true",
        "SPACES_ALLOWED_ORIGINS": "https://a.example, https://b.example",
        "SPACES_PING_INTERVAL_S": "5.0",
        "SPACES_LOG_LEVEL": "debug",
    }

    assert load_host_config({}, toml) == load_host_config(env)
    assert load_host_config(env).allowed_origins == ("https://a.example", "https://b.example")


def test_variables_of_other_commands_are_left_alone() -> None:
    assert load_host_config({"SPACES_CHANNEL_ID": "7", "PATH": "/bin"}) == HostConfig()


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as raised:
        load_host_config({"SPACES_LOG_LEVEL": "loud", "SPACES_PING_INTERVAL_S": "-1"}, 'listen_port = "x"\nnope = 1')

    for part in ("SPACES_LOG_LEVEL", "SPACES_PING_INTERVAL_S", "listen_port", "nope"):
        assert part in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        "listen_port = 65536",
        "listen_port = -1",
        "listen_port = true",
        "message_bytes_max = 0",
        "ping_interval_s = 0",
        "idle_timeout_s = 15",
        'database_name = "Not-A-Name"',
        'database_name = "a--b"',
        'listen_host = ""',
        "allow_anonymous = 3",
        "allowed_origins = [1]",
        "issuers = 3",
        '[[issuers]]\nissuer = "https://a.example"',
        f'[[issuers]]\nissuer = "localhost"\npublic_keys = ["{PEM}"]',
        f'[[issuers]]\nissuer = "{"x" * 129}"\npublic_keys = ["{PEM}"]',
        f'[[issuers]]\nissuer = "https://a.example"\npublic_keys = ["{PEM}"]\nkey = 1',
        "listen_port = ",
    ],
)
def test_settings_that_cannot_be_used_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        load_host_config({}, text)


def test_an_issuer_is_read_with_its_keys() -> None:
    config = load_host_config(
        {}, f'[[issuers]]\nissuer = "https://a.example"\npublic_keys = ["{PEM}"]\naudience = "me"'
    )

    (issuer,) = config.issuers
    assert (issuer.issuer, issuer.public_keys, issuer.audience) == ("https://a.example", (PEM,), "me")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("LocalHost.", True),
        ("app.localhost", True),
        ("0.0.0.0", False),
        ("192.168.0.1", False),
        ("127.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("notlocalhost", False),
    ],
)
def test_loopback_names_are_known_and_no_others(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_anonymous_callers_are_let_in_on_loopback_only_unless_told_otherwise() -> None:
    assert HostConfig().anonymous_allowed
    assert not HostConfig(listen_host="0.0.0.0").anonymous_allowed
    assert HostConfig(listen_host="0.0.0.0", allow_anonymous=True).anonymous_allowed
    assert not HostConfig(allow_anonymous=False).anonymous_allowed
