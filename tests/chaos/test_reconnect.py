"""Whatever the network does, a client comes back to what a fresh snapshot has, and is told each net change once."""

from pathlib import Path

import pytest

from chaos.judge import told
from chaos.reconnect import KINDS, reconnecting

SEED = 20_26


@pytest.mark.timeout(300)
async def test_clients_come_back_to_a_fresh_snapshot_and_hear_of_each_net_change_once(tmp_path: Path) -> None:
    print(f"seed {SEED}")
    result = await reconnecting(tmp_path, SEED, 1000)

    assert result.violations == [], told(result.violations)
    assert set(result.kinds) == set(KINDS), "every fault struck"
    assert result.reconnects >= 5
    assert result.changes >= 1000
