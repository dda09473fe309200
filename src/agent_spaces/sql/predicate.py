"""Conditions as generated Python functions: a row is tested without walking a tree.

The code has one shape for all literals, which are bound as variables, so it is compiled once a shape. Column names
come from table declarations, never from a client's text. A NaN in a float column compares as in Python (unequal to
all), where SpacetimeDB takes it for the greatest number.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from agent_spaces.sql.condition import And, ColumnRef, Comparison, Condition, Constant, Literal, Or

PYTHON_OPERATOR = {"=": "==", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
SHAPES_MAX = 512  # compiled shapes that are kept
SHAPE_CHARS_MAX = 2_000  # longer ones are compiled each time, so that clients cannot fill the memory


def _factory(expression: str, arguments: int, literals: int) -> Callable[..., Callable[..., bool]]:
    values = ", ".join(f"v{number}" for number in range(literals))
    rows = ", ".join(f"r{number}" for number in range(arguments))
    source = f"def make({values}):\n    def test({rows}):\n        return {expression}\n    return test\n"
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    made: Callable[..., Callable[..., bool]] = namespace["make"]
    return made


_kept_factory = lru_cache(maxsize=SHAPES_MAX)(_factory)


def compile_condition(condition: Condition, arguments: tuple[int, ...]) -> Callable[..., bool]:
    """Return a function of one row of each of these sources, in this order, that tells whether they pass."""
    values: list[Any] = []

    def operand(side: ColumnRef | Literal) -> str:
        if isinstance(side, ColumnRef):
            assert side.column.isidentifier()
            return f"r{arguments.index(side.source)}.{side.column}"
        values.append(side.value)
        return f"v{len(values) - 1}"

    def render(part: Condition) -> str:
        match part:
            case Comparison(left, op, right):
                return f"{operand(left)} {PYTHON_OPERATOR[op]} {operand(right)}"
            case And(parts):
                return "(" + " and ".join(map(render, parts)) + ")"
            case Or(parts):
                return "(" + " or ".join(map(render, parts)) + ")"
            case Constant(value):
                return str(value)

    expression = render(condition)
    make = _kept_factory if len(expression) <= SHAPE_CHARS_MAX else _factory
    return make(expression, len(arguments), len(values))(*values)
