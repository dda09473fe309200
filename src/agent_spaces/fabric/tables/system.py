"""What the module keeps for itself."""

from typing import Annotated

from agent_spaces.fabric.types import TimerKind
from agent_spaces.module import AutoInc, Index, PrimaryKey, table
from agent_spaces.sats import Identity, ScheduleAt, u32, u64


@table("timer", scheduled="run_timer")
class Timer:
    """What is to be done later, by run_timer."""

    scheduled_id: Annotated[u64, PrimaryKey(), AutoInc()]
    scheduled_at: ScheduleAt
    kind: TimerKind
    ref_id: Annotated[u64, Index()]


@table("deployment")
class Deployment:
    """Who published, and whether an import is open; the only row has id 1."""

    id: Annotated[u32, PrimaryKey()]
    owner: Identity
    system: Identity
    import_open: bool
