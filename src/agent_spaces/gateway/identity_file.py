"""The identity of a database, kept in its folder."""

from pathlib import Path

from agent_spaces.errors import ConfigError
from agent_spaces.gateway.keys import read_private_file, write_private_file
from agent_spaces.gateway.tokens import TokenAuthority
from agent_spaces.sats import Identity

IDENTITY_FILE = "database.identity"


def database_identity(folder: Path, tokens: TokenAuthority) -> Identity:
    """Return the identity of the database itself, made with the folder; nobody has a token for it.

    ConfigError if the file holds something else.
    """
    path = folder / IDENTITY_FILE
    data = read_private_file(path)
    if data is None:
        data = write_private_file(path, tokens.mint().identity.hex().encode() + b"\n")
    try:
        return Identity.from_hex(data.decode().strip())
    except (ValueError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} holds no identity ({error}).") from error
