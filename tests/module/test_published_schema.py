"""The definition of Spaces is what SpacetimeDB 2.8.3 answered for the module that declares the contract."""

import json
from pathlib import Path

from agent_spaces.fabric.module import SPACES
from module.golden_schema import comparable_v9, comparable_v10

PUBLISHED = Path(__file__).parents[2] / "vectors" / "schema"


def test_version_9_equals_what_a_real_host_answered() -> None:
    published = json.loads((PUBLISHED / "published-v9.json").read_text())

    assert comparable_v9(SPACES.schema_v9()) == comparable_v9(published)


def test_version_10_equals_what_a_real_host_answered() -> None:
    published = json.loads((PUBLISHED / "published-v10.json").read_text())

    assert comparable_v10(SPACES.schema_v10()) == comparable_v10(published)
