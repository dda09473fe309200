"""Bindings: typed tables and reducers of a database as a file of Python or TypeScript."""

import os
import tempfile
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from agent_spaces.cli.failures import run
from agent_spaces.cli.options import DatabaseOption, HostOption, JsonOption
from agent_spaces.cli.output import console, print_json
from agent_spaces.cli.settings import target
from agent_spaces.cli.values import REDUCER_DEFAULTS
from agent_spaces.client.generate import python_bindings, typescript_bindings
from agent_spaces.client.over_http import fetch_schema
from agent_spaces.errors import ConfigError

_DEFAULTS = {(reducer, name): text for reducer, given in REDUCER_DEFAULTS.items() for name, text in given.items()}


class Language(StrEnum):
    """What bindings can be written in."""

    PYTHON = "python"
    TYPESCRIPT = "typescript"


def generate(
    lang: Annotated[Language, typer.Option("--lang", help="The language of the bindings.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE_OR_DIR", help="A file to write, or a folder for it.")],
    include_private: Annotated[
        bool, typer.Option("--include-private", help="Also the tables that only the database's owner may read.")
    ] = False,
    host: HostOption = None,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Write typed bindings for a database as Python or TypeScript.

    For example: spaces generate --lang typescript --out src/spacetimedb
    """

    async def main() -> None:
        where = target(host=host, database=database, json=json)
        body = await fetch_schema(where.address, where.token)
        if lang is Language.PYTHON:
            files = python_bindings(body, include_private=include_private, defaults=_DEFAULTS)
        else:
            files = typescript_bindings(body, include_private=include_private)
        written = [write_file(path, text) for path, text in _places(out, files).items()]
        if json:
            print_json({"written": [str(path) for path in written]})
        for path in () if json else written:
            console().print(f"Wrote {path}.", markup=False)

    run(main)


def _places(out: Path, files: Mapping[str, str]) -> dict[Path, str]:
    """Return each text by the path it goes to: in a folder by its own name, else the only one in the file named.

    A name without a suffix is a folder, and made if it is not there.
    """
    if out.is_dir() or not out.suffix:
        _make_folder(out)
        return {out / name: text for name, text in files.items()}
    if not out.parent.is_dir():
        raise ConfigError(f"There is no folder {out.parent} to write {out.name} in.")
    (text,) = files.values()
    return {out: text}


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise ConfigError(f"The folder {path} cannot be made: {error.strerror}.") from error


def write_file(path: Path, text: str) -> Path:
    """Write a file all at once, so that no reader sees half of it, and return its path; ConfigError if it cannot."""
    try:
        descriptor, fresh = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            umask = os.umask(0)
            os.umask(umask)
            Path(fresh).chmod(0o666 & ~umask)
            Path(fresh).replace(path)
        except BaseException:
            Path(fresh).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from error
    return path
