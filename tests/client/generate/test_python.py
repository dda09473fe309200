"""Generated Python is a module that a strict type checker accepts, and that means what the definition says."""

import importlib.util
import random
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from agent_spaces.client import ClientSchema
from agent_spaces.client.generate import python_bindings
from agent_spaces.errors import DefinitionError
from agent_spaces.fabric.module import SPACES
from agent_spaces.module import definition_of, reducer_definition_of
from agent_spaces.sats import Some, SumValue
from agent_spaces.sats.bsatn import row_decoder, row_encoder
from agent_spaces.sats.mapping import type_of
from client.generate.schemas import FOREIGN, PUBLISHED

DEFAULTS = {("send_message", "message_type"): "text"}
USES = """
import asyncio

from {module} import Message, MessageType, connect, send_message


async def main() -> int:
    async with connect("http://localhost:1", database="spaces") as conn:
        await conn.call(send_message, channel_id=7, content="hi")
        result = await conn.call(send_message, 7, "hi", MessageType.AGENT_EVENT, meta="{{}}")
        conn.cache[Message].on_insert(lambda ctx, row: print(row.content))
        found = conn.cache[Message].find(1)
        return result.timestamp if found is None else found.id


asyncio.run(main())
"""
MISUSES = [
    "conn.call(send_message, channel_id='7', content='hi')",
    "conn.call(send_message, content='hi')",
    "conn.call(send_message, channel_id=7, contents='hi')",
]


def _imported(text: str, name: str, folder: Path) -> ModuleType:
    path = folder / f"{name}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def spaces(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    text = python_bindings(PUBLISHED, defaults=DEFAULTS)["bindings.py"]
    return _imported(text, "generated_spaces", tmp_path_factory.mktemp("spaces"))


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    return _imported(python_bindings(FOREIGN)["bindings.py"], "generated_foreign", tmp_path_factory.mktemp("foreign"))


def test_every_public_table_is_the_table_that_spaces_declares(spaces: ModuleType) -> None:
    made = {definition_of(table).name: definition_of(table) for table in spaces.TABLES}

    assert set(made) == {name for name, table in SPACES.tables.items() if table.public}
    for name, table in made.items():
        ours = SPACES.tables[name]
        assert type_of(table.row_class) == type_of(ours.row_class)
        assert table.row_class.__name__ == ours.row_class.__name__
        assert (table.primary_key, table.auto_inc, table.event) == (ours.primary_key, ours.auto_inc, ours.event)
        assert {c.name for c in table.columns if c.unique} == {c.name for c in ours.columns if c.unique}
        assert {index.columns for index in table.indexes} == {index.columns for index in ours.indexes}


def test_private_tables_come_when_asked_for(tmp_path: Path) -> None:
    module = _imported(python_bindings(PUBLISHED, include_private=True)["bindings.py"], "generated_all", tmp_path)

    made = {definition_of(table).name: definition_of(table) for table in module.TABLES}
    assert set(made) == set(SPACES.tables)
    assert {name for name, table in made.items() if not table.public} == {
        name for name, table in SPACES.tables.items() if not table.public
    }
    assert made["timer"].scheduled == "run_timer"


def test_every_reducer_takes_what_the_one_of_spaces_takes(spaces: ModuleType) -> None:
    made = {reducer_definition_of(r).name: reducer_definition_of(r) for r in spaces.REDUCERS}

    assert set(made) == {name for name, reducer in SPACES.reducers.items() if reducer.callable_by_clients}
    for name, reducer in made.items():
        ours = SPACES.reducers[name].parameters
        assert [(n, type_of(a)) for n, a in reducer.parameters] == [(n, type_of(a)) for n, a in ours]


def test_bindings_fit_the_definition_they_were_made_of(spaces: ModuleType, foreign: ModuleType) -> None:
    ClientSchema.from_json(PUBLISHED).with_types(spaces.TABLES, spaces.REDUCERS)
    ClientSchema.from_json(FOREIGN).with_types(foreign.TABLES, foreign.REDUCERS)


def test_a_reducer_cannot_run_here(spaces: ModuleType) -> None:
    with pytest.raises(TypeError, match="Reducers run on the host"):
        spaces.ack(None, [1])


def test_names_that_python_or_the_bindings_need_get_an_underscore(foreign: ModuleType) -> None:
    names = {reducer_definition_of(r).name: r.__name__ for r in foreign.REDUCERS}

    assert names == {"import": "import_", "connect": "connect_", "colour_it": "colour_it", "do_nothing": "do_nothing"}
    assert [table.__name__ for table in foreign.TABLES] == ["Inner", "Index_", "Thing"]
    assert [member.name for member in foreign.Colour] == ["RED", "DARK_BLUE", "DARK_BLUE_"]
    assert [name for name, _ in reducer_definition_of(foreign.import_).parameters] == ["reducer", "ctx_", "from_"]


def test_tables_without_a_key_events_and_explicit_names(foreign: ModuleType) -> None:
    tables = {definition_of(table).name: definition_of(table) for table in foreign.TABLES}

    assert set(tables) == {"flash", "thing", "other_thing"}
    assert tables["thing"].primary_key == ""
    assert tables["other_thing"].primary_key == "class_"
    assert tables["flash"].event
    assert ClientSchema.from_json(FOREIGN).tables["thing"].primary_key is None


def test_rows_with_every_kind_of_type_survive_the_wire(foreign: ModuleType) -> None:
    row_class = next(table for table in foreign.TABLES if definition_of(table).name == "thing")
    sats = sys.modules["agent_spaces.sats"]
    connection = sats.ConnectionId(random.Random(1).randbytes(16))
    inner = foreign.Inner(x=0.5, colour=foreign.Colour.DARK_BLUE, connection=connection)
    row: Any = row_class(
        class_=7,
        inner=inner,
        nested=Some(None),
        either=SumValue(0, 9),
        raw=b"\x00\xff",
        pairs=[(1, SumValue(2))],
        when=sats.Interval(sats.TimeDuration(5)),
        wide=-(2**200),
        uuid=sats.Uuid(bytes(16)),
        ratio=0.25,
    )

    data = row_encoder(row_class)(row)
    assert row_decoder(row_class)(data, 0) == (row, len(data))


def test_optional_parameters_at_the_end_may_be_left_out(spaces: ModuleType, foreign: ModuleType) -> None:
    schema = ClientSchema.from_json(PUBLISHED).with_types((), spaces.REDUCERS).reducer("send_message")
    full = schema.encode((7, "hi", spaces.MessageType.TEXT, None, None, None, None), {}, {})

    assert spaces.send_message.__defaults__ == (spaces.MessageType.TEXT, None, None, None, None)
    assert schema.encode((7, "hi"), {}, {"message_type": spaces.MessageType.TEXT}) == full
    assert foreign.colour_it.__defaults__ == (None,)


@pytest.mark.parametrize("body", [PUBLISHED, FOREIGN], ids=["published", "foreign"])
def test_the_order_in_which_a_host_lists_things_does_not_change_the_text(body: dict[str, Any]) -> None:
    mixed = {"sections": [{key: _shuffled(key, value)} for s in body["sections"] for key, value in s.items()]}
    random.Random(3).shuffle(mixed["sections"])

    assert python_bindings(mixed) == python_bindings(body)


def _shuffled(section: str, value: Any) -> Any:
    if section not in ("Tables", "Reducers", "Types"):
        return value
    return random.Random(5).sample(value, len(value))


@pytest.mark.parametrize("body", [None, [], {}, {"sections": [{"Typespace": 3}]}, {"sections": [{"Tables": [{}]}]}])
def test_what_is_no_definition_is_refused_in_a_sentence(body: Any) -> None:
    with pytest.raises(DefinitionError, match="schema cannot be read"):
        python_bindings(body)


def test_mypy_strict_accepts_the_bindings_and_finds_wrong_calls(tmp_path: Path) -> None:
    (tmp_path / "bindings_spaces.py").write_text(python_bindings(PUBLISHED, defaults=DEFAULTS)["bindings.py"])
    (tmp_path / "bindings_foreign.py").write_text(python_bindings(FOREIGN)["bindings.py"])
    (tmp_path / "uses.py").write_text(USES.format(module="bindings_spaces"))
    wrong = USES.format(module="bindings_spaces").replace(
        "        result =", "".join(f"        await {call}\n" for call in MISUSES) + "        result ="
    )
    (tmp_path / "misuses.py").write_text(wrong)
    cache = Path(__file__).parents[3] / ".mypy_cache" / "generated"
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", cache, "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    lines = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert len(lines) == len(MISUSES), done.stdout
    assert all(line.startswith("misuses.py") for line in lines), done.stdout
