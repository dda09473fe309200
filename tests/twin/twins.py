"""Both twins side by side: each call runs through the fabric and through the compiled module, and must do the same."""

from typing import Any

from agent_spaces.engine.memory import MemoryDatabase
from agent_spaces.errors import RefusedError
from agent_spaces.fabric.module import SPACES
from agent_spaces.fabric.tables import Timer
from agent_spaces.module import definition_of
from agent_spaces.sats import ConnectionId, Identity
from agent_spaces.sats.bsatn import arguments_encoder, encoder, row_decoder
from fabric import vectors
from fabric.vectors import CLASSES, Json
from twin import wasm_vectors
from twin.wasm_host import WasmHost
from twin.wasm_tables import Change


def _key_encoder(name: str) -> Any:
    definition = definition_of(CLASSES[name])
    return encoder(definition.column(definition.primary_key).annotation)


_KEY_ENCODERS = {name: _key_encoder(name) for name in CLASSES}
_ARGUMENTS = {name: arguments_encoder(reducer.parameters) for name, reducer in SPACES.reducers.items()}


class Twins:
    """The fabric in a MemoryDatabase and the compiled module in a WasmHost, in equal states."""

    def __init__(self, host: WasmHost, worlds: Json, case: Json) -> None:
        """Bring both into the state that a case of vectors/reducers starts from; both have the same reducers."""
        alone = sorted(set(SPACES.reducers) ^ set(host.reducer_ids))
        assert not alone, f"only one twin has the reducers {', '.join(alone)}"
        self.host, self.worlds = host, worlds
        self.calls = 0
        self.load(case)

    def load(self, case: Json) -> None:
        """Go to the state that a case starts from."""
        self.database: MemoryDatabase = vectors.load(self.worlds, case)
        wasm_vectors.load(self.host, self.worlds, case)

    def call(
        self,
        reducer: str,
        args: list[Any],
        *,
        sender: Identity,
        timestamp: int,
        connection_id: ConnectionId | None = None,
    ) -> tuple[str | None, dict[str, Change]]:
        """Make a call in both; return the refusal, or None and the changes. AssertionError names the first difference.

        Arguments that do not encode are an EncodeError of the caller.
        """
        self.calls += 1
        encoded = _ARGUMENTS[reducer](args)
        wasm = self.host.call(reducer, encoded, sender=sender, timestamp=timestamp, connection_id=connection_id)
        error, changes = self._of_fabric(reducer, args, sender, timestamp, connection_id)
        where = f"call {self.calls}, {reducer}({', '.join(map(_shortened, args))}) by {sender.hex()[:8]} at {timestamp}"
        assert wasm[0] == error, f"{where}: the module says {wasm[0]!r}, the fabric {error!r}"
        for name in sorted(changes | wasm[1]):
            of_fabric, of_module = changes.get(name, {}), wasm[1].get(name, {})
            for key in sorted(of_fabric | of_module):
                rows = [_shown(name, rows.get(key, (None, None))[1]) for rows in (of_module, of_fabric)]
                same = of_fabric.get(key) == of_module.get(key)
                assert same, f"{where}: {name} is {rows[0]} in the module, {rows[1]} in the fabric"
        return error, changes

    def _of_fabric(
        self, reducer: str, args: list[Any], sender: Identity, timestamp: int, connection_id: ConnectionId | None
    ) -> tuple[str | None, dict[str, Change]]:
        try:
            journal = self.database.call(
                SPACES.reducers[reducer].function,
                *args,
                sender=sender,
                timestamp=timestamp,
                connection_id=connection_id,
            )
        except RefusedError as refusal:
            return str(refusal), {}
        changes: dict[str, Change] = {}
        for table, old, new in journal:
            key = _KEY_ENCODERS[table.name](table.pk_of(old if new is None else new))
            rows = tuple(None if row is None else table.encode(row) for row in (old, new))
            changes.setdefault(table.name, {})[key] = (rows[0], rows[1])
        return None, changes

    def drop_timer(self, timer: Any) -> None:
        """Remove the row of a timer that was run, as a host does."""
        key = _KEY_ENCODERS["timer"](timer.scheduled_id)
        if key in self.host.tables.by_name["timer"].rows:
            self.database.tables[Timer].unload(timer.scheduled_id)
            self.host.tables.by_name["timer"].unload(key)

    def check_rows(self) -> None:
        """Hold all rows of all tables against each other."""
        for table in self.database.tables:
            of_fabric = {table.encode(row) for row in table.rows.values()}
            of_module = {row for row, _ in self.host.tables.by_name[table.name].rows.values()}
            for row in sorted(of_fabric ^ of_module):
                side = "fabric" if row in of_fabric else "module"
                raise AssertionError(f"{table.name} has only in the {side}: {_shown(table.name, row)}")


def _shown(name: str, row: bytes | None) -> str:
    return "no row" if row is None else repr(row_decoder(CLASSES[name])(row, 0)[0])


def _shortened(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 200 else f"{text[:200]}… ({len(value)} long)"
