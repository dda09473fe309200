"""Who a token stands for: identities are derived from issuer and subject."""

from blake3 import blake3

from agent_spaces.sats.special import Identity

_PREFIX = b"\xc2\x00"


def derive_identity(issuer: str, subject: str) -> Identity:
    """Return the identity of a token's `iss` and `sub`; its text starts with c200 and a checksum of four bytes.

    The two are joined by `|` without escaping, so ("a|b", "c") and ("a", "b|c") are the same identity.
    Source: SpacetimeDB 2.8.3. Vectors: vectors/golden/identity.json
    """
    digest = blake3(f"{issuer}|{subject}".encode()).digest()[:26]
    checksum = blake3(_PREFIX + digest).digest()[:4]
    return Identity((_PREFIX + checksum + digest)[::-1])
