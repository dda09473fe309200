"""Tokens: who somebody is, signed by this host or by an issuer its configuration lists.

Source: SpacetimeDB 2.8.3, seen (claims, texts of refusals).
"""

import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from agent_spaces.clock import Clock, Randomness
from agent_spaces.config import IssuerConfig
from agent_spaces.errors import ConfigError, TokenError
from agent_spaces.gateway.keys import OWNER_TOKEN_FILE, SigningKey, read_private_file, write_private_file
from agent_spaces.sats.identity import derive_identity
from agent_spaces.sats.special import Identity, Uuid

OWN_ISSUER = "localhost"
AUDIENCE = "spacetimedb"
LEEWAY_S = 60
WEBSOCKET_TOKEN_S = 60
CLAIM_BYTES_MAX = 128
TOKEN_BYTES_MAX = 8192
KNOWN_TOKENS_MAX = 1024  # whose signatures are not checked again; beyond it the one that was asked for longest ago goes
RSA_BITS_MIN = 2048
# Headers by which a token brings or names its own key, or asks for rules that we would have to follow unseen.
_REFUSED_HEADERS = frozenset({"crit", "jku", "jwk", "x5u", "x5c", "b64", "zip", "enc"})
_ALGORITHMS = ("ES256", "RS256")
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody whose token was accepted, or who was given one; `token` is the text itself."""

    identity: Identity
    token: str
    claims: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _IssuerKey:
    key: PublicKey
    algorithm: str
    key_id: str | None = None


def _issuer_key(key: object, issuer: str, key_id: str | None = None) -> _IssuerKey:
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return _IssuerKey(key, "ES256", key_id)
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= RSA_BITS_MIN:
        return _IssuerKey(key, "RS256", key_id)
    raise ConfigError(f"Keys of issuer {issuer} must be P-256 or RSA of at least {RSA_BITS_MIN} bits.")


def _keys_of(config: IssuerConfig) -> tuple[_IssuerKey, ...]:
    keys = []
    for pem in config.public_keys:
        try:
            keys.append(_issuer_key(load_pem_public_key(pem.encode()), config.issuer))
        except ValueError as error:
            raise ConfigError(f"A public key of issuer {config.issuer} is no PEM: {error}") from None
    if config.jwks:
        try:
            found = jwt.PyJWKSet.from_json(config.jwks).keys
        except (jwt.PyJWTError, json.JSONDecodeError, TypeError, AttributeError) as error:
            raise ConfigError(f"The jwks of issuer {config.issuer} are no key set: {error}") from None
        keys += [_issuer_key(entry.key, config.issuer, entry.key_id) for entry in found]
    return tuple(keys)


def _utf8_bytes(text: str) -> int:
    """Return the length in bytes; 0 for text that cannot be written."""
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        return 0


class TokenAuthority:
    """Gives and checks tokens. Nothing here talks to the network: keys of other issuers come with the settings."""

    def __init__(
        self, key: SigningKey, clock: Clock, randomness: Randomness, issuers: Iterable[IssuerConfig] = ()
    ) -> None:
        self._key, self._clock, self._randomness = key, clock, randomness
        self._issuers = {config.issuer: (config, _keys_of(config)) for config in issuers}
        self._jws = jwt.PyJWS(algorithms=list(_ALGORITHMS))
        self._known: OrderedDict[str, Caller] = OrderedDict()

    @property
    def public_pem(self) -> bytes:
        """The key that others check this host's tokens with."""
        return self._key.public_pem

    def mint(self) -> Caller:
        """Give a new identity, with a token that never expires."""
        number = bytearray(self._randomness.token_bytes(16))
        number[6], number[8] = number[6] & 0x0F | 0x40, number[8] & 0x3F | 0x80  # RFC 9562: version 4
        return self._signed(OWN_ISSUER, str(Uuid(bytes(number)[::-1])), [AUDIENCE], expires_at=None)

    def websocket_token(self, caller: Caller) -> str:
        """Return a token for the same identity that lasts WEBSOCKET_TOKEN_S seconds, fit for a URL."""
        claims = caller.claims
        audience = claims.get("aud", [AUDIENCE])
        return self._signed(claims["iss"], claims["sub"], audience, self._now_s() + WEBSOCKET_TOKEN_S).token

    def _now_s(self) -> int:
        return self._clock.now_us() // 1_000_000

    def _signed(self, issuer: str, subject: str, audience: Any, expires_at: int | None) -> Caller:
        identity = derive_identity(issuer, subject)
        claims = {
            "hex_identity": identity.hex(),
            "sub": subject,
            "iss": issuer,
            "aud": audience,
            "iat": self._now_s(),
            "exp": expires_at,
        }
        payload = json.dumps(claims, separators=(",", ":"), ensure_ascii=False).encode()
        token = self._jws.encode(payload, self._key.private, algorithm="ES256", headers={"typ": "JWT"})
        return Caller(identity, token, claims)

    def verify(self, token: str) -> Caller:
        """Return who the token speaks for.

        Signed by this host: any issuer. Otherwise the issuer must be listed and one of its keys must fit. `exp` may be
        null or absent; where it is a number, LEEWAY_S seconds are forgiven. Raises TokenError with the text of the
        answer; the text never holds the token.
        """
        known = self._known.get(token)
        if known is not None:
            self._checked(known.claims)  # it may have expired since
            self._known.move_to_end(token)
            return known
        caller = self._verified(token)
        self._known[token] = caller
        if len(self._known) > KNOWN_TOKENS_MAX:
            self._known.popitem(last=False)
        return caller

    def _verified(self, token: str) -> Caller:
        header = self._header(token)
        claims = self._own_claims(token)
        if claims is None:
            claims = self._foreign_claims(token, header)
        issuer, subject = self._checked(claims)
        identity = derive_identity(issuer, subject)
        if "hex_identity" in claims and claims["hex_identity"] != identity.hex():
            raise TokenError("Invalid token: hex_identity is not the identity of its issuer and subject")
        return Caller(identity, token, claims)

    def _header(self, token: str) -> dict[str, Any]:
        if len(token) > TOKEN_BYTES_MAX:
            raise TokenError("Invalid token: InvalidToken")
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise TokenError("Invalid token: InvalidToken") from None
        if _REFUSED_HEADERS & header.keys() or header.get("alg") not in _ALGORITHMS:
            raise TokenError("Invalid token: InvalidAlgorithm")
        return header

    def _claims_with(self, token: str, key: PublicKey, algorithm: str) -> dict[str, Any] | None:
        """Return the payload if the key fits, None if not. The algorithm is the key's, never the token's choice."""
        try:
            payload = self._jws.decode(token, key, algorithms=[algorithm])
        except jwt.PyJWTError:
            return None
        try:
            claims = json.loads(payload)
        except ValueError:
            claims = None
        if not isinstance(claims, dict):
            raise TokenError("Invalid token: InvalidToken")
        return claims

    def _own_claims(self, token: str) -> dict[str, Any] | None:
        return self._claims_with(token, self._key.public, "ES256")

    def _foreign_claims(self, token: str, header: Mapping[str, Any]) -> dict[str, Any]:
        try:
            unverified = jwt.decode(token, options={"verify_signature": False})
        except (jwt.PyJWTError, ValueError):
            raise TokenError("Invalid token: InvalidToken") from None
        issuer = unverified.get("iss")
        if issuer == OWN_ISSUER or not isinstance(issuer, str):
            raise TokenError("Invalid token: InvalidSignature")
        if issuer not in self._issuers:
            raise TokenError("Invalid token: the issuer is not one this host accepts")
        config, keys = self._issuers[issuer]
        key_id = header.get("kid")
        for entry in keys:
            # A key without an id, as PEM texts are, is tried for every token.
            if key_id is not None and entry.key_id is not None and entry.key_id != key_id:
                continue
            claims = self._claims_with(token, entry.key, entry.algorithm)
            if claims is None or claims.get("iss") != issuer:
                continue
            audience = claims.get("aud", [])
            if config.audience and config.audience not in ([audience] if isinstance(audience, str) else audience):
                raise TokenError("Invalid token: InvalidAudience")
            return claims
        raise TokenError("Invalid token: InvalidSignature")

    def _checked(self, claims: Mapping[str, Any]) -> tuple[str, str]:
        names = []
        for name in ("iss", "sub"):
            value = claims.get(name)
            if not isinstance(value, str) or not 1 <= _utf8_bytes(value) <= CLAIM_BYTES_MAX:
                raise TokenError(f"Invalid token: {name} must be text of 1 to {CLAIM_BYTES_MAX} bytes")
            names.append(value)
        if type(claims.get("iat")) is not int:
            raise TokenError("Invalid token: iat must be a whole number of seconds")
        expires_at = claims.get("exp")
        if expires_at is not None:
            if type(expires_at) not in (int, float):
                raise TokenError("Invalid token: exp must be a number of seconds or null")
            # Written so that NaN, which Python reads from JSON, has expired.
            if not expires_at + LEEWAY_S >= self._now_s():
                raise TokenError("Invalid token: ExpiredSignature")
        return names[0], names[1]


class OwnerToken:
    """The database owner's token, in `owner.token` of the data folder; a command uses it only with --as-owner."""

    @staticmethod
    def load_or_create(folder: Path, authority: TokenAuthority) -> Caller:
        """Return the owner, made on first use; ConfigError if the file's token is not accepted."""
        path = folder / OWNER_TOKEN_FILE
        data = read_private_file(path)
        if data is None:
            data = write_private_file(path, authority.mint().token.encode() + b"\n")
        try:
            return authority.verify(data.decode().strip())
        except (TokenError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"{path} holds no token of this host ({error}); it belongs to the key beside it."
            ) from None
