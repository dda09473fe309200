"""SQL text to a checked plan: the subset that SpacetimeDB takes."""
