"""Secrets leave no machine: a corpus of what people really paste, and what must stay readable."""

import base64
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_spaces.integrations.claude_code.scrub import GONE, scrubbed

# Each is put together here, so that scanners of this repository find no secret: the word SECRET stands for it.
RANDOM = "q7Rk2LmZ9xTb4WvN8cYd3HsG"
HEX = "9f86d081884c7d659a2feaa0c55ad015"
JWT = ".".join(
    base64.urlsafe_b64encode(part).rstrip(b"=").decode()
    for part in (b'{"alg":"ES256","typ":"JWT"}', b'{"sub":"ann","hex_identity":"c200"}', b"\x8d\x01signature" * 4)
)
KEY = "-----BEGIN {0}PRIVATE KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END {0}PRIVATE KEY-----"
SECRETS = {
    "AWS key id": ("AKIA" + "IOSFODNN7EXAMPLE", "The key is SECRET now."),
    "AWS secret": ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_secret_access_key = SECRET"),
    "GitHub token": ("ghp_" + RANDOM + "1234567890AB", "I used SECRET to push."),
    "GitHub fine token": ("github_pat_" + "11ABCDEFG0" + RANDOM, "SECRET"),
    "GitLab token": ("glpat-" + RANDOM[:20], "with SECRET,"),
    "OpenAI key": ("sk-proj-" + RANDOM * 2, "OPENAI_API_KEY=SECRET"),
    "bare OpenAI key": ("sk-" + RANDOM * 2, "it was (SECRET)"),
    "Anthropic key": ("sk-ant-api03-" + RANDOM * 3, "key: SECRET"),
    "Slack token": ("xoxb-" + "123456789012-" + RANDOM, "slack SECRET"),
    "Google key": ("AIza" + "SyA" + RANDOM + "abcdefgh", "maps?key=SECRET&v=3"),
    "Stripe key": ("sk_live_" + RANDOM, "stripe SECRET."),
    "npm token": ("npm_" + RANDOM * 2, "//registry/:_authToken=SECRET"),
    "Hugging Face token": ("hf_" + RANDOM, "export HF=SECRET"),
    "SendGrid key": ("SG." + RANDOM + "." + RANDOM, "SECRET"),
    "JWT": (JWT, "token is SECRET ok"),
    "JWT cut off": (JWT[:60], "SPACES: SECRET"),
    "bearer": (RANDOM, "curl -H 'Authorization: Bearer SECRET' x"),
    "basic": ("YW5uOmh1bnRlcjI=", "Authorization: Basic SECRET"),
    "cookie": ("session=" + RANDOM, "Cookie: SECRET; theme=dark"),
    "API header": (HEX, "X-Api-Key: SECRET"),
    "URL password": ("hunter2", "postgres://ann:SECRET@db.example.com:5432/app"),
    "URL token": (RANDOM, "git clone https://SECRET@example.com/x.git"),
    "query": (RANDOM, "https://example.com/cb?code=1&access_token=SECRET&x=1"),
    "signed URL": (HEX * 2, "https://s3.example.com/o?X-Amz-Signature=SECRET"),
    "env file": ("hunter2", "DB_PASSWORD=SECRET"),
    "quoted env": ("correct horse battery", 'PASSPHRASE="SECRET"'),
    "YAML": ("hunter2", "  password: SECRET"),
    "JSON": ("hunter2", '{"user": "ann", "apiKey": "SECRET"}'),
    "Python": ("hunter2", "client_secret = 'SECRET'"),
    "hash rocket": ("hunter2", ":password => 'SECRET'"),
    "option": ("hunter2", "mysql --password=SECRET -u root"),
    "option with a space": ("hunter2", "tool --token SECRET run"),
    "prose": ("hunter2", "The password is SECRET for now."),
    "prose with quotes": ("letmein", "the admin password is `SECRET`"),
    "numbered": ("hunter2", "TOKEN_2=SECRET"),
    "RSA key": (KEY.format("RSA "), "Here it is:\nSECRET\nDone."),
    "PKCS 8 key": (KEY.format(""), "SECRET"),
    "OpenSSH key": (KEY.format("OPENSSH "), "SECRET"),
    "key without an end": (KEY.format("EC ")[:70], "text SECRET"),
    "hex": (HEX, "and got SECRET back"),
    "hex with prefix": ("0x" + HEX * 2, "wallet SECRET"),
    "base64": ("dGhpcyBpcyBhIHNlY3JldCBrZXkgMTIzNDU2Nzg5MA==", "value SECRET ok"),
    "random word": (RANDOM, "I saw SECRET there"),
}
HARMLESS = [
    "Fixed the tokenizer in src/agent_spaces/sql/grammar.py and its 12 tests.",
    "The session token count fell from 1200 to 800.",
    "Passwords are now hashed; see docs/how-to/authentication.md.",
    "commit 1a2b3c4d5e6f merged into feature/rename-access-path",
    "See https://example.com/issues/1234?page=2#comment-99 for more.",
    "tests/integrations/claude_code/test_session_start.py::test_nothing_is_said_when_nothing_is_new",
    "class HTTPSConnectionPoolManagerFactory was renamed",
    "Ran `pytest -q -n0 --maxfail=1`: 312 passed in 4.20s.",
    "The key insight: authors matter. Auth was fine.",
    "Version 2.8.3 → 2.9.0 on 2026-11-23T03:26:21.386Z",
    "id 3fa85f64-5717-4562-b3fc-2c963f66afa6",
]


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_gone(name: str) -> None:
    secret, text = SECRETS[name]

    found = scrubbed(text.replace("SECRET", secret))

    assert GONE in found
    for part in re.split(r"[\s;]", secret):
        assert part not in found, found


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("around", ["({})", "“{}”", "{}.", "> {}", "**{}**", "a\n{}\nb", "x={},y"])
def test_a_secret_is_gone_whatever_stands_around(name: str, around: str) -> None:
    secret, text = SECRETS[name]

    found = scrubbed(around.format(text.replace("SECRET", secret)))

    assert secret not in found, found


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays(text: str) -> None:
    assert scrubbed(text) == text


@given(st.text(alphabet="abcXYZ019 =:.,'\"`/-_@\n[]&?", max_size=400))
def test_scrubbing_twice_changes_nothing_more(text: str) -> None:
    once = scrubbed(text)

    assert scrubbed(once) == once


@given(st.binary(min_size=24, max_size=64))
def test_random_bytes_in_hex_never_pass(secret: bytes) -> None:
    assert secret.hex() not in scrubbed(f"saw {secret.hex()} there")


def test_random_bytes_in_base64_do_not_pass() -> None:
    """By chance a few may look like words; these had their chance once, with this seed of the system's."""
    passed = 0
    for _ in range(500):
        word = base64.urlsafe_b64encode(os.urandom(30)).decode()
        passed += word in scrubbed(f"saw {word} there")

    assert passed <= 15


@pytest.mark.parametrize(
    "unit", ["password", "a.b-c_d", "token:", "-----BEGIN ", "eyJhbGci.", "://x@", 'key="', "A1b", " is "]
)
def test_no_text_makes_it_slow(unit: str) -> None:
    """The hook's limit for what it looks at; a quadratic pattern would run into the test's own time limit."""
    assert isinstance(scrubbed((unit * 20_000)[:20_000]), str)
