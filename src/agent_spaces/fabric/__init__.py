"""Spaces itself: its tables, rules and reducers (contract.md)."""
