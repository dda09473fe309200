"""The house rules that can be counted: sizes of files, functions and lines, and words that never belong in the tree."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
LINE_CHARS_MAX = 120
# name -> lines it may have; entries may only shrink or go
FILE_EXCEPTIONS: dict[str, int] = {}
FUNCTION_EXCEPTIONS: dict[str, int] = {}


def _tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [ROOT / name for name in listed.splitlines() if (ROOT / name).is_file()]


PYTHON = _tracked("*.py", "*.pyi", "*.pyx")


def test_there_is_something_to_count() -> None:
    assert len(PYTHON) > 50


def test_files_are_short() -> None:
    long = {}
    for path in PYTHON:
        lines = path.read_text().count("\n")
        name = str(path.relative_to(ROOT))
        if lines > FILE_EXCEPTIONS.get(name, FILE_LINES_MAX):
            long[name] = lines

    assert long == {}


def test_functions_are_short() -> None:
    long = {}
    for path in PYTHON:
        if path.suffix == ".pyx":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                name = f"{path.relative_to(ROOT)}:{node.name}"
                if lines > FUNCTION_EXCEPTIONS.get(name, FUNCTION_LINES_MAX):
                    long[name] = lines

    assert long == {}


def test_lines_are_short() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in PYTHON
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if len(line) > LINE_CHARS_MAX
    ]

    assert long == []


@pytest.mark.parametrize(
    "word", [r"/work/(main|shared)", r"\bTODO\b", r"\bFIXME\b", r"\bXXX\b", r"registry\.npmjs", r"pypi\.org"]
)
def test_the_tree_is_free_of(word: str) -> None:
    files = _tracked("*.py", "*.rs", "*.ts", "*.tsx", "*.md", "*.toml", "*.lock", "*.json", "*.sh", "Makefile", ".ci/*")
    found = [
        str(path.relative_to(ROOT))
        for path in files
        if path != Path(__file__) and re.search(word, path.read_text(errors="replace"))
    ]

    assert found == []


def test_package_inits_only_re_export() -> None:
    busy = []
    for path in (ROOT / "src" / "agent_spaces").rglob("__init__.py"):
        body = ast.parse(path.read_text()).body
        allowed = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)
        if any(
            not isinstance(n, allowed)
            for n in body
            if not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))
        ):
            busy.append(str(path.relative_to(ROOT)))

    assert busy == []


def test_the_conformance_suite_knows_the_wire_only() -> None:
    """So that it judges a host that it shares nothing with."""
    allowed = re.compile(r"agent_spaces\.(sats|wire|client\.described)\b")
    imports = [
        (path.name, name)
        for path in (ROOT / "tests" / "conformance").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in _imported(node)
    ]

    assert len(imports) > 50
    assert [(file, name) for file, name in imports if "agent_spaces" in name and not allowed.match(name)] == []
    outside = {"fabric", "module", "engine", "gateway", "twin", "ops"}
    assert [(file, name) for file, name in imports if name.partition(".")[0] in outside] == []


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
