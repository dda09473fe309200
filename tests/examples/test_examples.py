"""Every example runs, ends by itself, and does what its first lines say."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
DOCS = ROOT / "docs"
Load = Callable[[str], ModuleType]


@pytest.fixture
def load() -> Load:
    def loaded(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"examples_{name}", EXAMPLES / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return loaded


async def test_research_swarm_reports_on_every_term(load: Load) -> None:
    text = await load("research_swarm").main(DOCS, ["durable", "visible", "reconnect"])

    assert text.startswith("Report:")
    assert all(f"{term}: " in text for term in ("durable", "visible", "reconnect"))


async def test_code_review_decides_by_vote(load: Load, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def f():\n    try:\n        g()\n    except Exception:\n        pass\n")
    outcome, findings = await load("code_review").main(tmp_path)

    assert (outcome.choice, outcome.tally) == ("change", {"merge": 1, "change": 2})
    assert findings == {
        "docs": ["a.py:1 has no docstring"],
        "length": [],
        "errors": ["a.py:4 hides every exception"],
    }


async def test_map_reduce_counts_what_one_would_count_alone(load: Load) -> None:
    example = load("map_reduce")
    total = await example.main(DOCS)
    alone: dict[str, int] = {}
    for path in DOCS.rglob("*.md"):
        for word, times in example.count(path).items():
            alone[word] = alone.get(word, 0) + times

    assert total == alone
    assert total


async def test_nothing_is_done_without_a_persons_yes(load: Load) -> None:
    answers, deployed = await load("human_approval").main()

    assert deployed == ["v2"]
    assert answers == [
        "v1 was not deployed: too early",
        "v2 is deployed",
        "v3 was not deployed: nobody answered",
    ]


async def test_only_what_was_verified_is_told(load: Load) -> None:
    known, rumour = await load("knowledge_base").main(DOCS, "gateway")

    assert "by @collector, verified by @checker" in known
    assert rumour == "Nothing verified is known about rumour."


def test_every_example_has_a_test() -> None:
    tested = Path(__file__).read_text()

    assert [path.stem for path in EXAMPLES.glob("*.py") if f'load("{path.stem}")' not in tested] == []
