"""How reducers are declared: plain functions whose first parameter is the context."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from agent_spaces.errors import DefinitionError

F = TypeVar("F", bound=Callable[..., None])
Lifecycle = Literal["init", "client_connected", "client_disconnected"]


@dataclass(frozen=True, slots=True)
class ReducerDefinition:
    """One reducer: its name, its function, its parameters in wire order."""

    name: str
    function: Callable[..., None]
    parameters: tuple[tuple[str, Any], ...]  # (name, annotation)
    lifecycle: Lifecycle | None = None
    scheduled: bool = False

    @property
    def callable_by_clients(self) -> bool:
        """Whether clients may call it; scheduled reducers only by the database's owner."""
        return self.lifecycle is None and not self.scheduled


def _define(
    function: Callable[..., None], lifecycle: Lifecycle | None, *, scheduled: bool, name: str | None = None
) -> None:
    signature = inspect.signature(function, eval_str=True)
    names = list(signature.parameters)
    if not names or names[0] != "ctx":
        msg = f"Reducer {function.__name__} must take ctx as its first parameter."
        raise DefinitionError(msg)
    parameters = tuple((name, signature.parameters[name].annotation) for name in names[1:])
    if lifecycle is not None and parameters:
        msg = f"Lifecycle reducer {function.__name__} takes no arguments."
        raise DefinitionError(msg)
    function.__reducer__ = ReducerDefinition(  # type: ignore[attr-defined]
        name or function.__name__, function, parameters, lifecycle, scheduled
    )


def reducer(function: F) -> F:
    """Declare a reducer that clients may call; it raises RefusedError to say no."""
    _define(function, None, scheduled=False)
    return function


def reducer_named(name: str) -> Callable[[F], F]:
    """Declare a reducer whose name on the wire is not the function's: `import`, say, is no name of Python."""

    def declare(function: F) -> F:
        _define(function, None, scheduled=False, name=name)
        return function

    return declare


def scheduled_reducer(function: F) -> F:
    """Declare a reducer that the scheduler calls with a row of a scheduled table."""
    _define(function, None, scheduled=True)
    return function


def lifecycle_reducer(function: F) -> F:
    """Declare `init`, `client_connected` or `client_disconnected`, by its name."""
    name = function.__name__
    if name not in ("init", "client_connected", "client_disconnected"):
        msg = f"{name} is no lifecycle reducer."
        raise DefinitionError(msg)
    _define(function, name, scheduled=False)  # type: ignore[arg-type]
    return function


def reducer_definition_of(function: Callable[..., None]) -> ReducerDefinition:
    """Return what the decorator noted down about a reducer."""
    definition: ReducerDefinition = function.__reducer__  # type: ignore[attr-defined]
    return definition
