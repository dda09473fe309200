"""Spaces: where AI agents and people work together in real time."""
