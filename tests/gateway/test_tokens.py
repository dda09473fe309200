"""Tokens: what this host gives it accepts, and of others only what its configuration lists."""

import base64
import contextlib
import json
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from agent_spaces.clock import ManualClock, SystemRandomness
from agent_spaces.config import IssuerConfig
from agent_spaces.errors import ConfigError, TokenError
from agent_spaces.gateway.keys import OWNER_TOKEN_FILE, SigningKey
from agent_spaces.gateway.tokens import CLAIM_BYTES_MAX, LEEWAY_S, WEBSOCKET_TOKEN_S, OwnerToken, TokenAuthority
from agent_spaces.sats.identity import derive_identity

OWN, OTHER, STRANGER = SigningKey.generate(), SigningKey.generate(), SigningKey.generate()
RSA = rsa.generate_private_key(65537, 2048)
ISSUER = "https://auth.example"
NOW_S = 1_700_000_000
CLAIMS: dict[str, Any] = {"iss": ISSUER, "sub": "user", "iat": NOW_S, "exp": NOW_S + 100}


def pem(key: Any) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return str(key.public_key().public_bytes(serialization.Encoding.PEM, form).decode())


def jwks(**extra: str) -> str:
    entry = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(OTHER.public)) | extra
    return json.dumps({"keys": [entry]})


LISTED = IssuerConfig(issuer=ISSUER, public_keys=(pem(OTHER.private), pem(RSA)))


def authority(*issuers: IssuerConfig, clock: ManualClock | None = None) -> TokenAuthority:
    return TokenAuthority(OWN, clock or ManualClock(NOW_S * 1_000_000), SystemRandomness(), issuers)


def signed(claims: Any, key: Any = OTHER.private, algorithm: str = "ES256", **header: Any) -> str:
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    return jwt.PyJWS().encode(payload, key, algorithm=algorithm, headers=header)


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, payload = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2])
    return header, payload


def test_a_minted_token_has_the_claims_of_the_reference_host() -> None:
    caller = authority().mint()
    header, claims = parts(caller.token)

    assert header == {"typ": "JWT", "alg": "ES256"}
    assert list(claims) == ["hex_identity", "sub", "iss", "aud", "iat", "exp"]
    assert (claims["iss"], claims["aud"], claims["iat"], claims["exp"]) == ("localhost", ["spacetimedb"], NOW_S, None)
    assert claims["hex_identity"] == caller.identity.hex() == derive_identity("localhost", claims["sub"]).hex()
    assert claims["sub"][14] == "4"
    assert claims["sub"][19] in "89ab"


def test_a_minted_token_is_accepted_for_ever_and_every_identity_is_new() -> None:
    clock = ManualClock(NOW_S * 1_000_000)
    tokens = authority(clock=clock)
    first, second = tokens.mint(), tokens.mint()
    clock.advance(10**9)

    assert tokens.verify(first.token) == first
    assert first.identity != second.identity


def test_a_signature_is_checked_once_and_the_time_whenever_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, checks = ManualClock(NOW_S * 1_000_000), list[str]()
    host = authority(LISTED, clock=clock)
    token, check = signed(CLAIMS), host._claims_with
    monkeypatch.setattr(host, "_claims_with", lambda *given: checks.append(given[0]) or check(*given))
    first = host.verify(token)
    made = len(checks)
    assert made > 0
    assert host.verify(token) == first
    assert len(checks) == made

    clock.advance(100 + LEEWAY_S + 1)
    with pytest.raises(TokenError, match="ExpiredSignature"):
        host.verify(token)


def test_so_many_tokens_are_known_and_the_one_asked_for_longest_ago_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent_spaces.gateway.tokens.KNOWN_TOKENS_MAX", 2)
    host = authority()
    tokens = [host.mint().token for _ in range(3)]
    for number in (0, 1, 0, 2):
        host.verify(tokens[number])
    assert list(host._known) == [tokens[0], tokens[2]]


def test_a_refused_token_is_not_remembered() -> None:
    host = authority()
    for _ in range(2):
        with pytest.raises(TokenError):
            host.verify(signed(CLAIMS, STRANGER.private))
    assert not host._known


def test_a_websocket_token_speaks_for_the_same_identity_for_a_minute() -> None:
    clock = ManualClock(NOW_S * 1_000_000)
    tokens = authority(LISTED, clock=clock)
    for caller in (tokens.mint(), tokens.verify(signed(CLAIMS))):
        short = tokens.websocket_token(caller)

        assert tokens.verify(short).identity == caller.identity
        assert parts(short)[1]["exp"] == NOW_S + WEBSOCKET_TOKEN_S
    clock.advance(WEBSOCKET_TOKEN_S + LEEWAY_S)
    tokens.verify(short)
    clock.advance(1)
    with pytest.raises(TokenError, match="ExpiredSignature"):
        tokens.verify(short)


@pytest.mark.parametrize("issuer", [LISTED, IssuerConfig(issuer=ISSUER, jwks=jwks(kid="a", alg="ES256"))])
def test_a_listed_issuers_token_is_accepted(issuer: IssuerConfig) -> None:
    for header in ({}, {"kid": "a"}):
        assert authority(issuer).verify(signed(CLAIMS, **header)).identity == derive_identity(ISSUER, "user")


def test_rsa_keys_of_a_listed_issuer_work_too() -> None:
    assert authority(LISTED).verify(signed(CLAIMS, RSA, "RS256")).identity == derive_identity(ISSUER, "user")


def test_a_key_set_is_searched_by_key_id() -> None:
    with pytest.raises(TokenError, match="InvalidSignature"):
        authority(IssuerConfig(issuer=ISSUER, jwks=jwks(kid="a"))).verify(signed(CLAIMS, kid="b"))


def test_an_issuer_that_is_not_listed_is_refused_although_its_key_is_known() -> None:
    with pytest.raises(TokenError, match="issuer"):
        authority(LISTED).verify(signed(CLAIMS | {"iss": "https://other.example"}))


def test_our_own_issuer_needs_our_own_key() -> None:
    with pytest.raises(TokenError, match="InvalidSignature"):
        authority(LISTED).verify(signed(CLAIMS | {"iss": "localhost"}))


def test_an_audience_is_asked_for_where_the_settings_say() -> None:
    strict = authority(IssuerConfig(issuer=ISSUER, public_keys=(pem(OTHER.private),), audience="spaces"))

    strict.verify(signed(CLAIMS | {"aud": "spaces"}))
    strict.verify(signed(CLAIMS | {"aud": ["x", "spaces"]}))
    for aud in ({}, {"aud": "x"}, {"aud": ["spaces2"]}):
        with pytest.raises(TokenError, match="InvalidAudience"):
            strict.verify(signed(CLAIMS | aud))


def test_a_key_can_not_be_used_as_a_shared_secret() -> None:
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=")
    body = header + b"." + base64.urlsafe_b64encode(json.dumps(CLAIMS).encode()).rstrip(b"=")
    for secret in (OWN.public_pem, OTHER.public_pem, b""):
        mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(body, secret)
        with pytest.raises(TokenError, match="InvalidAlgorithm"):
            authority(LISTED).verify((body + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode())


def test_a_token_without_signature_is_refused() -> None:
    header = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    payload = base64.urlsafe_b64encode(json.dumps(CLAIMS).encode()).rstrip(b"=").decode()

    for token in (f"{header}.{payload}.", f"{header}.{payload}"):
        with pytest.raises(TokenError):
            authority(LISTED).verify(token)


@pytest.mark.parametrize("name", ["crit", "jku", "jwk", "x5u", "x5c", "zip"])
def test_headers_that_bring_keys_or_rules_are_refused(name: str) -> None:
    value: Any = {"crit": ["exp"]}.get(name, "https://evil.example/keys")
    with pytest.raises(TokenError):
        authority(LISTED).verify(signed(CLAIMS, **{name: value}))


@pytest.mark.parametrize(
    "change",
    [
        {"iss": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * (CLAIM_BYTES_MAX + 1)},
        {"sub": "é" * (CLAIM_BYTES_MAX // 2 + 1)},
        {"sub": "\ud800"},
        {"iat": None},
        {"iat": 1.5},
        {"iat": True},
        {"iat": "1"},
        {"exp": NOW_S - LEEWAY_S - 1},
        {"exp": "never"},
        {"exp": True},
        {"exp": float("nan")},
        {"hex_identity": "c2" + "00" * 31},
    ],
)
def test_claims_that_do_not_hold_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(TokenError):
        authority(LISTED).verify(signed(CLAIMS | change))


@pytest.mark.parametrize(
    "change",
    [
        {"sub": "x" * CLAIM_BYTES_MAX},
        {"exp": None},
        {"exp": NOW_S - LEEWAY_S},
        {"exp": NOW_S + 0.5},
        {"nbf": NOW_S + 1000},
        {"hex_identity": derive_identity(ISSUER, "user").hex()},
        {"roles": ["a"]},
    ],
)
def test_claims_at_their_limits_are_accepted(change: dict[str, Any]) -> None:
    authority(LISTED).verify(signed(CLAIMS | change))


@given(text=st.one_of(st.text(max_size=80), st.lists(st.text("eyJ.-_A", max_size=9), max_size=4).map(".".join)))
def test_garbage_is_refused_and_never_repeated(text: str) -> None:
    with pytest.raises(TokenError) as raised:
        authority(LISTED).verify(text)

    assert len(text) < 5 or text not in str(raised.value)


@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_a_token_that_was_changed_anywhere_is_refused_or_says_the_same(place: int, bit: int) -> None:
    tokens = authority()
    caller = tokens.mint()
    changed = bytearray(caller.token.encode())
    changed[place % len(changed)] ^= 1 << bit

    with contextlib.suppress(TokenError):
        assert tokens.verify(changed.decode("latin-1")).claims == caller.claims


def test_payloads_that_are_no_claims_are_refused() -> None:
    for payload in (b"[]", b"null", b"\xff", b"{"):
        with pytest.raises(TokenError):
            authority(LISTED).verify(signed(payload, OWN.private))


def test_keys_that_cannot_be_used_are_told_at_the_start() -> None:
    weak = rsa.generate_private_key(65537, 1024)
    for config in (
        IssuerConfig(issuer=ISSUER, public_keys=("no pem",)),
        IssuerConfig(issuer=ISSUER, public_keys=(pem(weak),)),
        IssuerConfig(issuer=ISSUER, jwks="[]"),
        IssuerConfig(issuer=ISSUER, jwks='{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}'),
    ):
        with pytest.raises(ConfigError, match=ISSUER):
            authority(config)


def test_the_owners_token_is_made_once_and_private(tmp_path: Path) -> None:
    owner = OwnerToken.load_or_create(tmp_path, authority())

    assert OwnerToken.load_or_create(tmp_path, authority()).identity == owner.identity
    assert (tmp_path / OWNER_TOKEN_FILE).stat().st_mode & 0o777 == 0o600


def test_an_owners_token_of_another_key_is_told(tmp_path: Path) -> None:
    (tmp_path / OWNER_TOKEN_FILE).write_text(signed(CLAIMS, STRANGER.private))

    with pytest.raises(ConfigError, match=OWNER_TOKEN_FILE):
        OwnerToken.load_or_create(tmp_path, authority())
