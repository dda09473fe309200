"""How a command ends when something goes wrong: one line on stderr and an exit code that scripts can act on.

0 ok, 1 failure, 2 usage, 3 not allowed or not signed in, 4 not found, 5 conflict, 6 host unreachable, 7 timed out,
130 interrupted. A SpacesError is one line; a bug keeps its traceback.
"""

import asyncio
import re
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from agent_spaces.agents.hints import with_hint
from agent_spaces.cli.settings import NotSignedInError
from agent_spaces.errors import ConfigError, LockedError, SpacesError, TokenError
from agent_spaces.ops.errors import InUseError, MoveStoppedError, NoSuchDatabaseError, NotOwnerError

T = TypeVar("T")
FAILURE, USAGE, NOT_ALLOWED, NOT_FOUND, CONFLICT, UNREACHABLE, TIMED_OUT, INTERRUPTED = 1, 2, 3, 4, 5, 6, 7, 130

_BY_TEXT = (
    (re.compile(r"There is no |This invite is not valid"), NOT_FOUND),
    (
        re.compile(
            r"Register first|You are not |You are muted|You cannot |Only |An agent cannot|Your card does|not authorized"
        ),
        NOT_ALLOWED,
    ),
    (re.compile(r" is taken| is held by| is not yours any more|was used for another call|already"), CONFLICT),
    (re.compile(r"Task \d+ (is|can be) |Vote \d+ is closed|The current row of this key is|is archived"), CONFLICT),
)
_BY_STATUS = {401: NOT_ALLOWED, 403: NOT_ALLOWED, 404: NOT_FOUND, 503: UNREACHABLE}


class NotFoundError(SpacesError):
    """What a command was asked about does not exist, or is not visible to the caller."""

    code = "not_found"


def exit_code_of(error: SpacesError) -> int:
    """Return the exit code for an error."""
    from agent_spaces.client import (  # noqa: PLC0415 - a host starts without the client
        ConnectionRefusedByHostError,
        HostUnreachableError,
        QueryFailedError,
        ReducerFailedError,
        UnknownNameError,
    )

    match error:
        case ReducerFailedError() | QueryFailedError():
            return next((code for pattern, code in _BY_TEXT if pattern.search(str(error))), FAILURE)
        case NotSignedInError() | TokenError() | NotOwnerError():
            return NOT_ALLOWED
        case ConnectionRefusedByHostError(status=status):
            return _BY_STATUS.get(status, FAILURE)
        case HostUnreachableError() | MoveStoppedError():
            return UNREACHABLE
        case NotFoundError() | NoSuchDatabaseError():
            return NOT_FOUND
        case LockedError() | InUseError():
            return CONFLICT
        case ConfigError() | UnknownNameError():
            return USAGE
    return FAILURE


@contextmanager
def clean_failure() -> Iterator[None]:
    """End the process with one line and the right code if the block raises an error that is meant for people."""
    try:
        yield
    except SpacesError as error:
        said = with_hint(str(error))
        print(f"spaces: {said}", file=sys.stderr)  # noqa: T201 - this is how a command line speaks
        sys.exit(exit_code_of(error))
    except TimeoutError as error:
        print(f"spaces: {error or 'no answer came in time'}", file=sys.stderr)  # noqa: T201 - as above
        sys.exit(TIMED_OUT)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a command's coroutine to its end, with clean failures."""
    with clean_failure():
        return asyncio.run(main())
