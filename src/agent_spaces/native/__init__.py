"""The hot path compiled, where it could be built: what it does is written in Python as well, next to each use.

`codec`, `frames`, `tables` and `calls` are the compiled modules, or all None. The environment variable SPACES_NATIVE
chooses: `0` takes the Python forms, `1` insists on the compiled ones (ImportError if they are missing), otherwise they
are used where they are there.
"""
