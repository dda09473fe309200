"""Compiles the hot path into the wheel where there is a C compiler; without one the wheel is pure Python.

SPACES_NATIVE=0 skips it, SPACES_NATIVE=1 makes a failure an error.
"""

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOM = Path("src/agent_spaces/native")


class CompiledHook(BuildHookInterface):
    """What hatchling runs before it packs or installs."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the modules in place and mark the wheel as one of this platform."""
        wanted = os.environ.get("SPACES_NATIVE", "")
        if self.target_name != "wheel" or wanted == "0" or platform.python_implementation() != "CPython":
            return
        built = subprocess.run([sys.executable, "tools/native/build.py"], cwd=self.root, check=False)
        if built.returncode:
            if wanted == "1":
                message = "SPACES_NATIVE=1 asks for the compiled modules, and they could not be built."
                raise RuntimeError(message)
            self.app.display_warning("The hot path could not be compiled; the pure Python form is installed.")
            return
        if version != "editable":
            build_data["pure_python"] = False
            build_data["infer_tag"] = True
            suffix = __import__("sysconfig").get_config_var("EXT_SUFFIX")
            build_data["artifacts"] += [str(ROOM / f"*{suffix}")]
