"""Every error that Spaces raises on purpose: a SpacesError with a stable code.

Broken invariants are `assert`, not errors.
"""

from typing import ClassVar


class SpacesError(Exception):
    """Something went wrong that a caller can act on; `code` is stable, the text is for people."""

    code: ClassVar[str] = "error"


class RefusedError(SpacesError):
    """A reducer says no: its changes are dropped and the text goes to the caller."""

    code = "refused"


class InvalidArgumentError(RefusedError):
    """An argument of a reducer breaks a text or range rule."""

    code = "invalid_argument"


class DecodeError(SpacesError):
    """Bytes that do not encode the expected type; offset is the first byte that made no sense."""

    code = "decode"

    def __init__(self, type_name: str, offset: int, reason: str) -> None:
        super().__init__(f"cannot read {type_name} at byte {offset}: {reason}")
        self.type_name, self.offset, self.reason = type_name, offset, reason


class JsonError(SpacesError):
    """JSON that does not hold the expected type; path is where: `[0].name`, or `.` for the whole."""

    code = "decode"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


class EncodeError(SpacesError):
    """A value that does not fit the type it is to be written as."""

    code = "encode"

    def __init__(self, type_name: str, reason: str) -> None:
        super().__init__(f"cannot write {type_name}: {reason}")
        self.type_name, self.reason = type_name, reason


class SqlError(SpacesError):
    """SQL that is outside the supported subset or does not fit the schema; the text is what clients see."""

    code = "sql"


class DefinitionError(SpacesError):
    """A module whose declarations contradict each other."""

    code = "definition"


class MigrationError(SpacesError):
    """The stored definition cannot be migrated to the running one without losing data."""

    code = "migration"


class StorageError(SpacesError):
    """The data folder cannot be read or written; nothing that was acknowledged is lost."""

    code = "storage"


class DamagedError(StorageError):
    """A file of the data folder is damaged; names the file and the last good transaction."""

    code = "damaged"


class LockedError(StorageError):
    """Another process uses the data folder."""

    code = "locked"


class ConfigError(SpacesError):
    """Settings that cannot be used; the text lists every problem."""

    code = "config"


class TokenError(SpacesError):
    """A token that is not accepted."""

    code = "token"
