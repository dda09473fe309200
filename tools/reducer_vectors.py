"""Write vectors/reducers from the scenarios in tests/fabric/scenarios, or with --check compare.

The scenarios say by hand what is called and which refusals come; the rows after a success are recorded by running the
reducer, so look at the difference before you keep it.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))


def _line(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def _text(data: dict[str, Any]) -> str:
    """Return a file with one line a case, or a line a table of a world."""
    if "cases" in data:
        cases = ",\n".join(map(_line, data["cases"]))
        return f'{{"reducer":{_line(data["reducer"])},"cases":[\n{cases}\n]}}\n'
    worlds = []
    for name, world in data["worlds"].items():
        tables = ",\n".join(f"{_line(table)}:{_line(rows)}" for table, rows in world.items())
        worlds.append(f"{_line(name)}:{{\n{tables}\n}}")
    names = json.dumps(data["names"], indent=0)
    return f'{{"names":{names},\n"worlds":{{\n' + ",\n".join(worlds) + "\n}}\n"


def files() -> dict[Path, str]:
    """Return every vector file as it should be."""
    from fabric.worlds import WORLDS  # noqa: PLC0415 - found by the path that is set above

    found = {Path("worlds.json"): _text(WORLDS)}
    for path in sorted((ROOT / "tests" / "fabric" / "scenarios").glob("of_*.py")):
        module = importlib.import_module(f"fabric.scenarios.{path.stem}")
        for scenarios in module.SCENARIOS:
            found[Path(f"{scenarios.reducer}.json")] = _text(scenarios.recorded())
    return {Path("vectors/reducers") / name: text for name, text in found.items()}


def main() -> int:
    """Return 0 if everything is fresh or was written, 1 if --check found a stale file."""
    stale = []
    for name, text in files().items():
        path = ROOT / name
        if path.exists() and path.read_text() == text:
            continue
        if "--check" in sys.argv:
            stale.append(name)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            print(f"wrote {name}")
    for name in stale:
        print(f"{name} is stale: run tools/reducer_vectors.py and look at what changed", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
