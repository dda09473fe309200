"""What the compiled module declares is what the fabric declares: nothing is in one twin only."""

import json
from pathlib import Path

from agent_spaces.fabric.module import SPACES
from module.golden_schema import comparable_v10
from twin.wasm_host import WasmHost

ROOT = Path(__file__).parents[2]


def test_the_module_prints_the_definition_of_the_fabric(host: WasmHost) -> None:
    """Tables with columns, keys, indexes, access, event flags; types; reducers with parameters; filters."""
    declared = comparable_v10(json.loads((ROOT / "schema" / "spaces.json").read_text()))
    printed = comparable_v10(host.published)

    assert set(printed) == set(declared)
    for section in sorted(declared):
        assert printed[section] == declared[section], section
    assert declared == comparable_v10(SPACES.schema_v10()), "schema/spaces.json is stale: run make generate"


def test_the_module_prints_what_a_real_host_has_published(host: WasmHost) -> None:
    published = json.loads((ROOT / "vectors" / "schema" / "published-v10.json").read_text())

    assert comparable_v10(host.published) == comparable_v10(published)


def test_every_section_of_a_row_filter_is_one_rule_a_table(host: WasmHost) -> None:
    filters = next(entry["RowLevelSecurity"] for entry in host.published["sections"] if "RowLevelSecurity" in entry)
    tables = [entry["sql"].split(" FROM ")[1].split()[0] for entry in filters]

    assert len(set(tables)) == len(tables) > 0
