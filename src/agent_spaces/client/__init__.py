"""The Python client for any SpacetimeDB 2.x database."""
