"""COMPAT.md names tests that exist, and every yes and partial names one."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROWS = [
    [cell.strip() for cell in line.strip("|\n").split("|")]
    for line in (ROOT / "COMPAT.md").read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| point")
]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def test_every_yes_and_partial_names_a_test() -> None:
    assert len(ROWS) > 40
    assert [point for point, verdict, reason in ROWS if verdict not in ("yes", "partial", "no")] == []
    assert [point for point, verdict, reason in ROWS if verdict != "no" and not NAMED.search(reason)] == []
    assert [point for point, verdict, reason in ROWS if not reason] == []


def test_every_named_test_exists() -> None:
    named = [found for row in ROWS for found in NAMED.findall(row[2])]

    missing = [
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / path).is_file() or f"def {name}(" not in (ROOT / path).read_text()
    ]

    assert missing == []
