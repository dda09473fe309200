"""The calculation of how far one engine goes is arithmetic over the figures in the page's own table."""

import ast
import operator
import re
from collections.abc import Callable

import pytest

from docs.blocks import ROOT

PAGE = (ROOT / "docs/how-to/spacetimedb.md").read_text()
FIGURES = {name: float(value) for name, value in re.findall(r"^\| ([A-Z]) \| ([\d.]+)\b", PAGE, re.MULTILINE)}
RESULTS = re.findall(r"^\| ([^|]+) \| `([^`]+)` \| ([\d.]+)", PAGE, re.MULTILINE)
_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def value_of(node: ast.expr) -> float:
    """Return what arithmetic over the figures gives."""
    match node:
        case ast.BinOp(left, kind, right):
            return _OPERATORS[type(kind)](value_of(left), value_of(right))
        case ast.Name(name):
            return FIGURES[name]
        case ast.Constant(int() as number):
            return float(number)
    raise AssertionError(f"the page has only numbers, figures and + - * /: {ast.unparse(node)}")


@pytest.mark.parametrize(("what", "formula", "stated"), RESULTS)
def test_a_result_follows_from_the_figures_of_the_page(what: str, formula: str, stated: str) -> None:
    decimals = len(stated.partition(".")[2])

    assert f"{value_of(ast.parse(formula, mode='eval').body):.{decimals}f}" == stated, what


def test_every_figure_says_how_it_was_measured() -> None:
    rows = re.findall(r"^\| [A-Z] \|.*\|$", PAGE, re.MULTILINE)

    assert [row for row in rows if not re.search(r"\| (quiet|busy), \d+ \w+ \d{4} \|$", row)] == []
    assert len(RESULTS) >= 10
    assert set(FIGURES) == set("ABCDEFGH")
