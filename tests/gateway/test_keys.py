"""Secret files: made once, private, never replaced by accident."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from agent_spaces.errors import ConfigError
from agent_spaces.gateway.keys import PRIVATE_KEY_FILE, PUBLIC_KEY_FILE, SigningKey, write_private_file


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def pem_of(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def test_the_pair_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    first, second = SigningKey.load_or_create(tmp_path), SigningKey.load_or_create(tmp_path)

    assert first.public_pem == second.public_pem == (tmp_path / PUBLIC_KEY_FILE).read_bytes()
    assert mode(tmp_path / PRIVATE_KEY_FILE) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == [PRIVATE_KEY_FILE, PUBLIC_KEY_FILE]


def test_a_file_that_exists_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "secret"

    assert write_private_file(path, b"first") == b"first"
    assert write_private_file(path, b"second") == b"first"


def test_rights_of_others_are_taken_away(tmp_path: Path) -> None:
    SigningKey.load_or_create(tmp_path)
    (tmp_path / PRIVATE_KEY_FILE).chmod(0o644)

    SigningKey.load_or_create(tmp_path)

    assert mode(tmp_path / PRIVATE_KEY_FILE) == 0o600


@pytest.mark.parametrize(
    "content",
    [b"", b"no key", pem_of(ec.generate_private_key(ec.SECP384R1())), pem_of(rsa.generate_private_key(65537, 2048))],
    ids=["empty", "text", "P-384", "RSA"],
)
def test_a_file_that_holds_no_key_of_ours_is_told_and_kept(tmp_path: Path, content: bytes) -> None:
    (tmp_path / PRIVATE_KEY_FILE).write_bytes(content)

    with pytest.raises(ConfigError, match=PRIVATE_KEY_FILE):
        SigningKey.load_or_create(tmp_path)

    assert (tmp_path / PRIVATE_KEY_FILE).read_bytes() == content
