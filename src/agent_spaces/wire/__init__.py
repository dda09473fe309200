"""SpacetimeDB messages and bytes, both ways, without I/O."""
