"""How a function tool is declared: a name, what it is for, typed arguments, and how it may be used."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar

import msgspec

from agent_spaces.agents.errors import AgentError

Profile = Literal["core", "full"]
A = TypeVar("A", bound="Arguments")


class ToolArgumentError(AgentError):
    """Arguments that do not fit a tool, or a tool that there is not; the text says which."""

    code = "tool_argument"


class Arguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The arguments of a tool; the docstring of each subclass is what a model reads."""

    core: ClassVar[bool] = False
    read_only: ClassVar[bool] = False
    destructive: ClassVar[bool] = False
    idempotent: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool, in the words that every API's own shape is made from.

    `read_only` changes nothing but what is shown next; `destructive` takes something from somebody; `idempotent`: the
    same call again (with the same key) has no further effect.
    """

    name: str
    description: str
    parameters: dict[str, Any]
    core: bool
    read_only: bool
    destructive: bool
    idempotent: bool
    arguments: type[Arguments]
    run: Callable[[Any, Any], Awaitable[dict[str, Any]]]


class Toolset:
    """Tools in the order in which they were declared, which never changes between calls: models cache them."""

    def __init__(self) -> None:
        self.tools: dict[str, Tool] = {}

    def tool(
        self, arguments: type[A]
    ) -> Callable[[Callable[[Any, A], Awaitable[dict[str, Any]]]], Callable[[Any, A], Awaitable[dict[str, Any]]]]:
        """Declare the decorated function, of the kit and arguments, as the tool `spaces_<its name>`."""

        def declare(
            run: Callable[[Any, A], Awaitable[dict[str, Any]]],
        ) -> Callable[[Any, A], Awaitable[dict[str, Any]]]:
            name = f"spaces_{run.__name__.rstrip('_')}"
            self.tools[name] = Tool(
                name,
                " ".join((arguments.__doc__ or "").split()),
                _schema(arguments),
                arguments.core,
                arguments.read_only,
                arguments.destructive,
                arguments.idempotent,
                arguments,
                run,
            )
            return run

        return declare


def _schema(arguments: type[Arguments]) -> dict[str, Any]:
    """Return the JSON schema of an object, without the references and titles that not every API can read."""
    _, parts = msgspec.json.schema_components([arguments])
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(parts[arguments.__name__]))
    return {
        "type": "object",
        "properties": found.get("properties", {}),
        "required": found.get("required", []),
        "additionalProperties": False,
    }


def checked(tool: Tool, arguments: Any) -> Any:
    """Return the arguments of a call; numbers may come as text. ToolArgumentError names the first that does not fit."""
    given = {} if arguments is None else arguments
    try:
        with suppress(msgspec.ValidationError):
            return msgspec.convert(given, tool.arguments)
        return msgspec.convert(given, tool.arguments, strict=False)
    except msgspec.ValidationError as error:
        raise ToolArgumentError(f"{tool.name}: {error}.") from None
