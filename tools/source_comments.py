"""The comments that stand behind the fields of a class, for pages that are generated from it."""

import ast
import inspect
from types import ModuleType


def field_comments(module: ModuleType, class_name: str) -> dict[str, str]:
    """Return the comment on the line of each annotated field that has one."""
    source = inspect.getsource(module)
    lines = source.splitlines()
    found = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and node.name == class_name:
            for field in node.body:
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    line = lines[(field.end_lineno or field.lineno) - 1][field.end_col_offset or 0 :]
                    if "#" in line and "noqa" not in line:
                        found[field.target.id] = line.partition("#")[2].strip()
    return found


def in_cell(text: str) -> str:
    """Return text for a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")


def first_line(documented: object) -> str:
    """Return the first sentence or line of a docstring."""
    return (inspect.getdoc(documented) or "").split("\n\n")[0].replace("\n", " ").strip()
