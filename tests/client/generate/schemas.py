"""Definitions to generate bindings from: the contract's, and one with everything that ours does not have."""

import json
from pathlib import Path
from typing import Any

PUBLISHED = json.loads((Path(__file__).parents[3] / "vectors" / "schema" / "published-v10.json").read_text())

_UNIT = {"Product": {"elements": []}}


def _entry(name: str | None, t: dict[str, Any]) -> dict[str, Any]:
    return {"name": {"none": []} if name is None else {"some": name}, "algebraic_type": t}


def _option(t: dict[str, Any]) -> dict[str, Any]:
    return {"Sum": {"variants": [_entry("some", t), _entry("none", _UNIT)]}}


def _product(**fields: dict[str, Any]) -> dict[str, Any]:
    return {"Product": {"elements": [_entry(name, t) for name, t in fields.items()]}}


_DURATION = _product(__time_duration_micros__={"I64": []})
_TIMESTAMP = _product(__timestamp_micros_since_unix_epoch__={"I64": []})
_SCHEDULE = {"Sum": {"variants": [_entry("Interval", _DURATION), _entry("Time", _TIMESTAMP)]}}
_TYPES = [
    _product(
        **{"class": {"U64": []}},
        inner={"Ref": 1},
        nested=_option(_option({"U8": []})),
        either={"Ref": 2},
        raw={"Array": {"U8": []}},
        pairs={"Array": {"Product": {"elements": [_entry(None, {"I32": []}), _entry(None, {"Ref": 3})]}}},
        when=_SCHEDULE,
        wide={"I256": []},
        uuid=_product(__uuid__={"U128": []}),
        ratio={"F32": []},
    ),
    _product(x={"F64": []}, colour={"Ref": 3}, connection=_product(__connection_id__={"U128": []})),
    {"Sum": {"variants": [_entry("Number", {"U64": []}), _entry("Nothing", _UNIT), _entry("Inner", {"Ref": 1})]}},
    {"Sum": {"variants": [_entry("red", _UNIT), _entry("DarkBlue", _UNIT), _entry("darkBlue", _UNIT)]}},
    _product(id={"U32": []}, name={"String": []}),
]
_NAMES = ["Index", "Inner", "Either", "Colour", "Secret"]


def _table(name: str, number: int, *, key: list[int], public: bool = True, event: bool = False) -> dict[str, Any]:
    return {
        "source_name": name,
        "product_type_ref": number,
        "primary_key": key,
        "indexes": [
            {"source_name": {"some": f"{name}_x"}, "accessor_name": {"none": []}, "algorithm": {"Direct": 0}},
            {"source_name": {"none": []}, "accessor_name": {"some": "both"}, "algorithm": {"Hash": [0, 1]}},
        ],
        "constraints": [{"source_name": {"none": []}, "data": {"Unique": {"columns": [0]}}}],
        "sequences": [],
        "table_type": {"User": []},
        "table_access": {"Public" if public else "Private": []},
        "default_values": [],
        "is_event": event,
    }


def _function(name: str, visible: bool = True, **parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        "source_name": name,
        "params": _product(**parameters)["Product"],
        "visibility": {"ClientCallable" if visible else "Private": []},
    }


FOREIGN: dict[str, Any] = {
    "sections": [
        {"Typespace": {"types": _TYPES}},
        {
            "Types": [
                {"source_name": {"scope": [], "source_name": name}, "ty": number, "custom_ordering": True}
                for number, name in enumerate(_NAMES)
            ]
        },
        {
            "Tables": [
                _table("thing", 0, key=[]),
                _table("otherThing", 0, key=[0]),
                _table("flash", 1, key=[], event=True),
                _table("secret", 4, key=[0], public=False),
            ]
        },
        {
            "Reducers": [
                _function("import", reducer={"U64": []}, ctx={"String": []}, **{"from": _option({"String": []})}),
                _function("connect", either={"Ref": 2}, things={"Array": {"Ref": 0}}),
                _function("colour_it", maybe=_option({"U8": []}), colour={"Ref": 3}, last=_option({"Bool": []})),
                _function("hidden", visible=False),
                _function("nothing"),
            ]
        },
        {"Procedures": [{**_function("ask", what={"String": []}), "return_type": _option({"Ref": 1})}]},
        {
            "ExplicitNames": {
                "entries": [
                    {"Table": {"source_name": "otherThing", "canonical_name": "other_thing"}},
                    {"Function": {"source_name": "nothing", "canonical_name": "do_nothing"}},
                ]
            }
        },
    ]
}
