"""The host's own key pair and the owner's token: files in the data folder that only its owner may read."""

import contextlib
import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from agent_spaces.errors import ConfigError
from agent_spaces.logs import get_logger

PRIVATE_KEY_FILE = "id_ecdsa"
PUBLIC_KEY_FILE = "id_ecdsa.pub"
OWNER_TOKEN_FILE = "owner.token"  # noqa: S105 - a file's name
_log = get_logger("gateway")


def read_private_file(path: Path) -> bytes | None:
    """Return a secret file's contents, or None if there is no such file; rights of others to it are taken away."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        path.chmod(0o600)
        _log.warning("secret.was_open", file=path.name, mode=f"{mode:o}")
    return data


def write_private_file(path: Path, data: bytes) -> bytes:
    """Write a secret file, mode 0600, unless there is one already; return what it holds now.

    The file appears whole or not at all, also when two processes try at once or the machine stops.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
    finally:
        fresh.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return path.read_bytes()


class SigningKey:
    """The P-256 key pair that tokens of this host are signed with."""

    def __init__(self, private: ec.EllipticCurvePrivateKey) -> None:
        self.private = private
        self.public = private.public_key()
        self.public_pem = self.public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @classmethod
    def generate(cls) -> "SigningKey":
        """Make a new pair, kept nowhere."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def load_or_create(cls, folder: Path) -> "SigningKey":
        """Take the pair from `id_ecdsa` in the folder, making it on first use; `id_ecdsa.pub` beside it is for others.

        ConfigError if the file holds something else: a new key would make every token ever given useless.
        """
        path = folder / PRIVATE_KEY_FILE
        pem = read_private_file(path)
        if pem is None:
            made = cls.generate().private.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            pem = write_private_file(path, made)
        try:
            private = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError) as error:
            raise ConfigError(f"{path} holds no key: {error}. Put the old file back; tokens depend on it.") from None
        if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(private.curve, ec.SECP256R1):
            raise ConfigError(f"{path} holds a key of another kind; it must be P-256.")
        key = cls(private)
        public_path = folder / PUBLIC_KEY_FILE
        if not public_path.exists() or public_path.read_bytes() != key.public_pem:
            public_path.write_bytes(key.public_pem)
        return key
