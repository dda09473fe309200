"""What can go wrong when a whole database is moved, published or backed up."""

from agent_spaces.errors import SpacesError


class ExportDamagedError(SpacesError):
    """A file is no whole export of Spaces: cut, changed, or something else altogether. Nothing was imported."""

    code = "export_damaged"


class NotOwnerError(SpacesError):
    """Only the owner of a database may do this."""

    code = "not_owner"


class InUseError(SpacesError):
    """A database, a folder or a name is in use already, so that nothing may be written there."""

    code = "in_use"


class NoSuchDatabaseError(SpacesError):
    """The host has no database of this name."""

    code = "no_such_database"


class MoveStoppedError(SpacesError):
    """An import stopped half way; the same command goes on where it stopped."""

    code = "move_stopped"


class NotEqualError(SpacesError):
    """What arrived is not what was sent."""

    code = "not_equal"


class PublishError(SpacesError):
    """A host did not take a module, or would only take it in another way; the text has the host's words."""

    code = "publish"
