"""The reducers, by noun."""
