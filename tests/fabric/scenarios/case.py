"""What a reducer is tried with: scenarios written by hand, from which vectors/reducers is recorded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent_spaces.engine.memory import MemoryDatabase
from agent_spaces.fabric.module import SPACES
from agent_spaces.module import definition_of, reducer_definition_of
from agent_spaces.sats import Identity
from agent_spaces.sats.json import to_json
from fabric.vectors import CLASSES, Json, contents, load, run, set_sequences, without_names
from fabric.worlds import IDENTITIES, NAMES, NOON, WORLDS

Call = tuple[str, Callable[..., None], tuple[Any, ...]]


@dataclass(kw_only=True)
class Case:
    """One call: the state it meets is a world, then `before` is called, `without` goes, `rows` come."""

    name: str
    reducer: str
    caller: str
    args: tuple[Any, ...]
    refused: str | None
    world: str = "club"
    before: Sequence[Call] = ()
    rows: Sequence[Any] = ()
    without: Sequence[tuple[type, Any]] = ()
    series: Sequence[Json] = ()
    timestamp: int = NOON
    connection: str | None = None

    def recorded(self) -> Json:
        """Return the case as it stands in a vector, with what the reducer does today."""
        case = {"name": self.name, "reducer": self.reducer, "world": self.world, **self._state()}
        if self.series:
            case["series"] = list(self.series)
        definition = SPACES.reducers[self.reducer]
        args = [to_json(kind, value) for (_, kind), value in zip(definition.parameters, self.args, strict=True)]
        case |= {"caller": self.caller, "timestamp": self.timestamp, "args": without_names(args, NAMES)}
        if self.connection is not None:
            case["connection"] = self.connection
        outcome = run(WORLDS, case)
        wanted = None if self.refused is None else without_names(self.refused, NAMES)
        assert outcome.get("error") == wanted, f"{self.reducer}, {self.name}: {outcome} instead of {self.refused!r}"
        return case | {"expect": outcome}

    def _state(self) -> Json:
        """Return `state` and `without`: how the rows that the call meets differ from the world's."""
        if not (self.before or self.rows or self.without):
            return {}
        world = load(WORLDS, {"world": self.world})
        old = contents(world)
        self._prepare(world)
        state: Json = {}
        gone: Json = {}
        for name, rows in contents(world).items():
            key = CLASSES[name].__table__.primary_key  # type: ignore[attr-defined]
            annotation = definition_of(CLASSES[name]).column(key).annotation
            kept = {getattr(row, key) for row in rows}
            if changed := [to_json(CLASSES[name], row) for row in rows if row not in old[name]]:
                state[name] = changed
            if missing := [getattr(row, key) for row in old[name] if getattr(row, key) not in kept]:
                gone[name] = [to_json(annotation, each) for each in missing]
        found = {"without": gone} if gone else {}
        return without_names(found | ({"state": state} if state else {}), NAMES)  # type: ignore[no-any-return]

    def _prepare(self, database: MemoryDatabase) -> None:
        for caller, function, args in self.before:
            database.call(function, *args, sender=IDENTITIES[caller], timestamp=NOON - 1)
        for row_class, key in self.without:
            assert database.tables.access[row_class].delete(key), f"no {row_class.__name__} {key}"
        database.tables.finish()
        for row in self.rows:
            database.tables[type(row)].load(row)
        set_sequences(database)


@dataclass
class Scenarios:
    """The cases of one reducer; those that are refused are named after the text."""

    function: Callable[..., None]
    cases: list[Case] = field(default_factory=list)

    @property
    def reducer(self) -> str:
        """The name of the reducer."""
        return reducer_definition_of(self.function).name

    def does(self, name: str, caller: str, *args: Any, **state: Any) -> None:
        """Add a call that succeeds."""
        self._add(name, caller, args, None, state)

    def refuses(self, text: str, caller: str, *args: Any, **state: Any) -> None:
        """Add a call that is refused with this text."""
        name = state.pop("name", "refused: " + text.replace(".", "") if len(text) < 90 else "refused")
        self._add(name, caller, args, text, state)

    def _add(self, name: str, caller: str, args: tuple[Any, ...], refused: str | None, state: dict[str, Any]) -> None:
        name = without_names(name, NAMES)
        names = {case.name for case in self.cases}
        if name in names:
            name = next(f"{name} ({n})" for n in range(2, 99) if f"{name} ({n})" not in names)
        self.cases.append(Case(name=name, reducer=self.reducer, caller=caller, args=args, refused=refused, **state))

    def recorded(self) -> Json:
        """Return the vector file."""
        return {"reducer": self.reducer, "cases": [case.recorded() for case in self.cases]}


def first_checks(scenarios: Scenarios, *args: Any, **state: Any) -> None:
    """Add the refusals of step 1, for a call that bob could make."""
    scenarios.refuses("Register first: call register_user.", "nobody", *args, **state)
    scenarios.refuses("An import is under way.", "bob", *args, world="importing", **state)


def identity(name: str) -> Identity:
    """Return somebody of the worlds."""
    return IDENTITIES[name]
