"""Compile src/agent_spaces/native/*.pyx in place: `python tools/native/build.py`. Needs a C compiler and Python.h.

What is newer than its source is left alone.
"""

import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Distribution, Extension

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("codec", "frames", "tables", "calls")


def main() -> None:
    """Build all of them, or end with what the compiler said."""
    if sys.byteorder != "little":
        raise SystemExit("the compiled codec writes numbers as they lie in memory, which must be little-endian")
    source = ROOT / "src"
    extensions = [
        Extension(
            f"agent_spaces.native.{name}", [f"src/agent_spaces/native/{name}.pyx"], extra_compile_args=["-O2", "-g0"]
        )
        for name in NAMES
    ]
    modules = cythonize(extensions, include_path=[str(source)], build_dir="build/native", language_level=3, quiet=True)
    distribution = Distribution({"ext_modules": modules, "package_dir": {"": "src"}})
    command = distribution.get_command_obj("build_ext")
    command.inplace = True
    command.build_temp = "build/native"
    command.ensure_finalized()
    command.run()


if __name__ == "__main__":
    import os

    os.chdir(ROOT)
    try:
        main()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever went wrong; setuptools exits by itself
        sys.exit(f"The hot path was not compiled: {error}")
