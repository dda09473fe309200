"""Runs vectors/reducers through the compiled module; fabric/vectors.py does it through the fabric and says the form."""

from functools import cache
from typing import Any

from agent_spaces.fabric.module import SPACES
from agent_spaces.module import definition_of
from agent_spaces.sats import ConnectionId, Identity
from agent_spaces.sats.bsatn import arguments_encoder, decoder, encoder, row_decoder, row_encoder
from agent_spaces.sats.json import from_json, to_json
from fabric.vectors import CLASSES, Json, rows_of_series, sorted_rows, with_names, without_names
from twin.wasm_host import WasmHost
from twin.wasm_tables import Change, Key, WasmTable

_WORLD_ROWS: dict[str, list[tuple[str, bytes, Key]]] = {}


@cache
def _key_annotation(table_name: str) -> Any:
    definition = definition_of(CLASSES[table_name])
    return definition.column(definition.primary_key).annotation


def _encoded(table_name: str, row: Any) -> bytes:
    row_class = CLASSES[table_name]
    return row_encoder(row_class)(from_json(row_class, row))


def _world_rows(host: WasmHost, worlds: Json, world: str) -> list[tuple[str, bytes, Key]]:
    """Return the rows of a world, read once."""
    if world not in _WORLD_ROWS:
        tables = with_names(worlds["worlds"][world], worlds["names"])
        rows = [(name, _encoded(name, row)) for name, rows in tables.items() for row in rows]
        _WORLD_ROWS[world] = [(name, row, host.tables.by_name[name].split(row)) for name, row in rows]
    return _WORLD_ROWS[world]


def load(host: WasmHost, worlds: Json, case: Json) -> None:
    """Bring the host's tables into the state that a case starts from."""
    names, tables = worlds["names"], host.tables.by_name
    for table in host.tables:
        table.clear()
    if case["world"]:
        for name, row, cells in _world_rows(host, worlds, case["world"]):
            tables[name].load(row, cells)
    for name, keys in with_names(case.get("without", {}), names).items():
        annotation = _key_annotation(name)
        for key in keys:
            tables[name].unload(encoder(annotation)(from_json(annotation, key)))
    for name, rows in with_names(case.get("state", {}), names).items():
        for row in rows:
            tables[name].load(_encoded(name, row))
    for series in with_names(case.get("series", []), names):
        for row in rows_of_series(series):
            tables[series["table"]].load(_encoded(series["table"], row))
    for table in host.tables:
        table.set_sequence()


def run(host: WasmHost, worlds: Json, case: Json) -> Json:
    """Return what the case's call does, in the form of its `expect`."""
    names = worlds["names"]
    load(host, worlds, case)
    parameters = SPACES.reducers[case["reducer"]].parameters
    values = with_names(case["args"], names)
    args = [from_json(annotation, value) for (_, annotation), value in zip(parameters, values, strict=True)]
    connection = case.get("connection")
    error, changes = host.call(
        case["reducer"],
        arguments_encoder(parameters)(args),
        sender=Identity.from_hex(names[case["caller"]]),
        timestamp=case["timestamp"],
        connection_id=None if connection is None else ConnectionId.from_hex(connection),
    )
    if error is not None:
        return {"error": without_names(error, names)}
    found = {name: _in_json(host.tables.by_name[name], changes[name]) for name in sorted(changes)}
    return {"changes": without_names(found, names)}


def _in_json(table: WasmTable, changes: Change) -> Json:
    """Return the changes of one table as vectors write them."""
    row_class, annotation = CLASSES[table.name], _key_annotation(table.name)
    read_row, read_key = row_decoder(row_class), decoder(annotation)
    kinds: Json = {}
    for key, (old, new) in changes.items():
        if new is None:
            kinds.setdefault("deleted", []).append(to_json(annotation, read_key(key, 0)[0]))
        else:
            kind = "inserted" if old is None else "updated"
            kinds.setdefault(kind, []).append(to_json(row_class, read_row(new, 0)[0]))
    return {kind: sorted_rows(kinds[kind]) for kind in sorted(kinds)}
