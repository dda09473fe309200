"""A process that writes groups to a data folder, says which are acknowledged, and is killed: see test_kill.py."""

import asyncio
import sys
from pathlib import Path

from agent_spaces.engine.storage import StoreSettings, open_store, records
from agent_spaces.sats import ZERO_IDENTITY, Timestamp
from engine.storage.store_module import MODULE, Kind, Note, body_of


async def main(folder: Path) -> None:
    store = open_store(folder, MODULE, settings=StoreSettings(segment_bytes=1 << 16, checkpoint_log_bytes=5_000))
    loop = asyncio.get_running_loop()
    sys.stdout.write(f"open {store.log.next_offset} {len(store.recovered.rows['note'])}\n")
    sys.stdout.flush()
    while True:
        first = store.log.next_offset
        transactions = [
            [
                (
                    "note",
                    records.PUT,
                    Note(offset + 1, ZERO_IDENTITY, "x" * (offset % 300), Kind.PLAIN, Timestamp(offset), None, []),
                )
            ]
            for offset in range(first, first + first % 5 + 1)
        ]
        said: asyncio.Future[BaseException | None] = loop.create_future()
        body = body_of(first, transactions, store.table_ids)
        store.log.append(body, first, first + len(transactions) - 1, said.set_result)
        assert await said is None
        sys.stdout.write(f"ack {store.log.next_offset}\n")
        sys.stdout.flush()
        await asyncio.sleep(0.001)  # the checkpoint process runs at the lowest priority and must get its turn


asyncio.run(main(Path(sys.argv[1])))
