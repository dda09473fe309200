"""Doors for programs in which agents already live; each is thin and independent of the others."""
