"""Spaces itself: its tables, rules and reducers (docs/design/contract.md)."""
