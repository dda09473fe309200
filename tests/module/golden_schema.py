"""Bring a `/schema` body into a form in which only meaning counts: names for type numbers, sets for unordered lists."""

import json
from typing import Any


def _resolved(value: Any, names: dict[int, str]) -> Any:
    if isinstance(value, dict):
        if set(value) == {"Ref"}:
            return {"Ref": names[value["Ref"]]}
        return {
            key: names[item] if key in ("product_type_ref", "ty") else _resolved(item, names)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_resolved(item, names) for item in value]
    return value


def _as_set(items: list[Any]) -> list[Any]:
    return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))


_UNORDERED = ("indexes", "constraints", "sequences", "tables", "reducers", "types", "row_level_security", "entries")


def _sorted_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _as_set([_sorted_lists(item) for item in entry])
            if key in _UNORDERED and isinstance(entry, list)
            else _sorted_lists(entry)
            for key, entry in value.items()
        }
    if isinstance(value, list):
        return [_sorted_lists(item) for item in value]
    return value


def comparable_v9(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a version 9 body with types by name and lists without order sorted."""
    names = {entry["ty"]: entry["name"]["name"] for entry in schema["types"]}
    types = {names[number]: entry for number, entry in enumerate(schema["typespace"]["types"])}
    rest = {key: value for key, value in schema.items() if key != "typespace"}
    return _sorted_lists(_resolved({**rest, "typespace_by_name": types}, names))


def comparable_v10(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a version 10 body with types by name and lists without order sorted."""
    sections = {next(iter(section)): next(iter(section.values())) for section in schema["sections"]}
    names = {entry["ty"]: entry["source_name"]["source_name"] for entry in sections["Types"]}
    types = {names[number]: entry for number, entry in enumerate(sections["Typespace"]["types"])}
    rest = {key: value for key, value in sections.items() if key != "Typespace"}
    resolved = _resolved({**rest, "typespace_by_name": types}, names)
    return {
        key: _as_set([_sorted_lists(item) for item in value]) if isinstance(value, list) else _sorted_lists(value)
        for key, value in resolved.items()
    }
