"""Write, or with --check compare, every file that is generated from another: one home for each fact."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from cli_reference import cli_reference
from fabric_pages import reducers_page, tables_page, visibility_table
from host_pages import errors_page, python_page, settings_table
from sync_agents import sync_agents

from agent_spaces.fabric.module import SPACES

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- generated: make generate -->", "<!-- end -->"


def _schema() -> dict[Path, str]:
    return {Path("schema/spaces.json"): json.dumps(SPACES.schema_v10(), indent=1, ensure_ascii=False) + "\n"}


def _cli() -> dict[Path, str]:
    return {Path("docs/reference/cli.md"): cli_reference()}


def _reference() -> dict[Path, str]:
    pages = {"tables": tables_page, "reducers": reducers_page, "errors": errors_page, "python": python_page}
    return {Path(f"docs/reference/{name}.md"): page() for name, page in pages.items()}


def _inside_pages() -> dict[Path, str]:
    """Return the pages that people write with the tables in them that are generated."""
    tables = {"docs/explanation/visibility.md": visibility_table, "docs/how-to/operate-a-host.md": settings_table}
    return {Path(name): _between_marks((ROOT / name).read_text(), table()) for name, table in tables.items()}


def _between_marks(page: str, table: str) -> str:
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert end, "a page has both marks"
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


GENERATORS: tuple[Callable[[], dict[Path, str]], ...] = (_schema, _cli, _reference, _inside_pages, sync_agents)


def main() -> int:
    """Return 0 if everything is fresh or was written, 1 if --check found a stale file."""
    stale = []
    for generate in GENERATORS:
        for name, text in generate().items():
            path = ROOT / name
            if path.exists() and path.read_text() == text:
                continue
            if "--check" in sys.argv:
                stale.append(name)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
                print(f"wrote {name}")
    for name in stale:
        print(f"{name} is stale: run make generate", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
