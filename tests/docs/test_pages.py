"""The pages hang together: links lead somewhere, and every public name is listed."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import agent_spaces
from docs.blocks import ROOT, pages

_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
REFERENCE = (ROOT / "docs/reference/python.md").read_text()


def exporting_modules() -> list[str]:
    folder = str(Path(agent_spaces.__file__).parent)
    names = [found.name for found in pkgutil.walk_packages([folder], "agent_spaces.")]
    return [name for name in names if hasattr(importlib.import_module(name), "__all__")]


@pytest.mark.parametrize("module", exporting_modules())
def test_what_a_package_exports_is_what_its_reference_lists(module: str) -> None:
    _, _, section = REFERENCE.partition(f"## {module}\n")
    listed = re.findall(r"^\| `(\w+)` \|", section.partition("\n## ")[0], re.MULTILINE)

    assert sorted(listed) == sorted(importlib.import_module(module).__all__)


@pytest.mark.parametrize("page", pages())
def test_links_lead_to_files(page: str) -> None:
    folder = (ROOT / page).parent
    prose = re.sub(r"`[^`\n]*`", "", (ROOT / page).read_text())
    targets = [link for link in _LINK.findall(prose) if "://" not in link]

    assert [target for target in targets if not (folder / target).exists()] == []


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs/README.md").read_text()
    others = [page.removeprefix("docs/") for page in pages() if page.startswith("docs/") and page != "docs/README.md"]

    assert [page for page in others if f"({page})" not in index] == []
