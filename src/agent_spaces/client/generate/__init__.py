"""Typed bindings for a database, made of what its host says about it."""

from agent_spaces.client.generate.python import python_bindings
from agent_spaces.client.generate.typescript import typescript_bindings

__all__ = ["python_bindings", "typescript_bindings"]
