"""What tests of Spaces and of modules built on it share. Needs hypothesis, which a plain installation lacks."""

from agent_spaces.testing.strategies import algebraic_types, types_and_values, values_of

__all__ = ["algebraic_types", "types_and_values", "values_of"]
