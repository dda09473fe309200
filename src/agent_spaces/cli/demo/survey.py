"""The piece of work that the swarm does: look at a folder of code or text, part by part, and put the parts together.

Pure but for reading files: `analyse` reads those it is given.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

SUFFIXES = {".py", ".rs", ".ts", ".tsx", ".js", ".go", ".java", ".c", ".h", ".md", ".txt", ".rst", ".toml"}
FILES_MAX = 2000
FILE_BYTES_MAX = 1_000_000
LISTED_MAX = 5
PART_FILES_MAX = 30
PART_CHARS_MAX = 2000  # on average; a message takes 4000 characters
_WORD = re.compile(r"[A-Za-z]{4,}")
_SKIPPED = {".venv", ".git", "node_modules", "__pycache__", "target", "dist", "build"}
_COMMON_TEXT = """
    self none true false return from import class with that this for not and the are int str def else elif
    raise assert async await dict list tuple float bool bytes type optional which what when where there their they
    have been will than then them each other only into must over such also case given
"""
_COMMON = frozenset(_COMMON_TEXT.split())


class FoundFunction(msgspec.Struct, frozen=True):
    """A function and how many lines it has."""

    name: str
    path: str
    lines: int


class PartResult(msgspec.Struct, frozen=True):
    """What a worker found in one part."""

    files: int
    lines: int
    functions: int
    longest: list[FoundFunction]
    undocumented: list[str]
    undocumented_count: int
    terms: dict[str, int]


def files_of(folder: Path) -> list[Path]:
    """Return the files of code and text below a folder, in order, at most FILES_MAX."""
    found = (
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix in SUFFIXES
        and path.is_file()
        and not _SKIPPED.intersection(path.relative_to(folder).parts)
        and path.stat().st_size <= FILE_BYTES_MAX
    )
    return [path.relative_to(folder) for path, _ in zip(found, range(FILES_MAX), strict=False)]


def split(files: Sequence[Path], parts: int) -> list[list[Path]]:
    """Deal files out into `parts` parts, or more where one would be too long to be told in a message."""
    parts = max(
        parts, -(-len(files) // PART_FILES_MAX), sum(len(str(path)) + 4 for path in files) // PART_CHARS_MAX + 1
    )
    dealt = [list(files[start::parts]) for start in range(parts)]
    return [part for part in dealt if part]


def analyse(folder: Path, name: Path) -> PartResult:
    """Read one file and count what is in it; a file that does not parse as Python counts as text."""
    text = (folder / name).read_text(errors="replace")
    functions: list[FoundFunction] = []
    undocumented: list[str] = []
    if name.suffix == ".py":
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            tree = ast.Module(body=[], type_ignores=[])
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                functions.append(
                    FoundFunction(node.name, str(name), (node.end_lineno or node.lineno) - node.lineno + 1)
                )
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                public = not node.name.startswith("_")
                if public and ast.get_docstring(node) is None:
                    undocumented.append(f"{name}:{node.name}")
    words = Counter(word.lower() for word in _WORD.findall(text))
    return PartResult(
        files=1,
        lines=text.count("\n"),
        functions=len(functions),
        longest=_longest(functions),
        undocumented=undocumented[:LISTED_MAX],
        undocumented_count=len(undocumented),
        terms=_frequent(words),
    )


def merge(results: Iterable[PartResult]) -> PartResult:
    """Put results together; of the lists only the first LISTED_MAX are kept."""
    files = lines = functions = undocumented_count = 0
    longest: list[FoundFunction] = []
    undocumented: list[str] = []
    terms: Counter[str] = Counter()
    for result in results:
        files += result.files
        lines += result.lines
        functions += result.functions
        undocumented_count += result.undocumented_count
        longest = _longest([*longest, *result.longest])
        undocumented = sorted({*undocumented, *result.undocumented})[:LISTED_MAX]
        terms.update(result.terms)
    return PartResult(files, lines, functions, longest, undocumented, undocumented_count, _frequent(terms))


def report(total: PartResult, parts: int) -> str:
    """Return the survey's outcome as a message."""
    lines = [
        f"Survey of {total.files} files in {parts} parts: {total.lines} lines, {total.functions} functions.",
        "Longest functions: " + ("; ".join(f"{f.name} in {f.path} ({f.lines} lines)" for f in total.longest) or "none"),
        f"Public names without a docstring: {total.undocumented_count}"
        + (f", for example {', '.join(total.undocumented)}" if total.undocumented else ""),
        "Most frequent terms: " + ", ".join(f"{word} {count}" for word, count in list(total.terms.items())[:8]),
    ]
    return "\n".join(lines)


def _longest(functions: Iterable[FoundFunction]) -> list[FoundFunction]:
    return sorted(functions, key=lambda f: (-f.lines, f.path, f.name))[:LISTED_MAX]


def _frequent(words: Counter[str]) -> dict[str, int]:
    ordered = sorted(words.items(), key=lambda item: (-item[1], item[0]))
    return dict([(word, count) for word, count in ordered if word not in _COMMON][:40])
