"""Scenarios of what the host runs by itself; timers of tasks and votes stand with these."""

from agent_spaces.fabric.reducers import lifecycle, messages
from agent_spaces.fabric.reducers.channels import delete_channel, mark_channel_read
from agent_spaces.fabric.reducers.servers import delete_server
from agent_spaces.fabric.tables import Timer, UserConnection, UserPresence
from agent_spaces.fabric.types import TimerKind
from agent_spaces.sats import ConnectionId, Time, Timestamp
from fabric.scenarios import coordination
from fabric.scenarios.case import Scenarios, identity
from fabric.worlds import BOB_TEXT, CLUB, GENERAL, MORNING, NOON

ONE, TWO = "01" * 16, "02" * 16


def _wire(connection: str, name: str) -> UserConnection:
    return UserConnection(ConnectionId.from_hex(connection), identity(name), Timestamp(MORNING))


init = Scenarios(lifecycle.init)
init.does("an empty database", "owner", world="")

connected = Scenarios(lifecycle.client_connected)
connected.does("a registered identity", "bob", connection=ONE)
connected.does(
    "a second connection",
    "bob",
    connection=TWO,
    rows=[_wire(ONE, "bob"), UserPresence(identity("bob"), True, None, Timestamp(MORNING))],
)
connected.does(
    "who said to be away",
    "bob",
    connection=TWO,
    rows=[_wire(ONE, "bob"), UserPresence(identity("bob"), False, "away", Timestamp(MORNING))],
)
connected.does("a visitor", "nobody", connection=ONE)
connected.does("while an import is open", "bob", connection=ONE, world="importing")

disconnected = Scenarios(lifecycle.client_disconnected)
ONLINE = UserPresence(identity("bob"), True, "here", Timestamp(MORNING))
disconnected.does("the last connection", "bob", connection=ONE, rows=[_wire(ONE, "bob"), ONLINE])
disconnected.does("one of two", "bob", connection=ONE, rows=[_wire(ONE, "bob"), _wire(TWO, "bob"), ONLINE])
disconnected.does("a visitor", "nobody", connection=ONE, rows=[_wire(ONE, "nobody")])
disconnected.does("while an import is open", "bob", connection=ONE, world="importing", rows=[_wire(ONE, "bob"), ONLINE])


def _timer(kind: TimerKind, ref_id: int) -> Timer:
    return Timer(90, Time(Timestamp(NOON)), kind, ref_id)


run_timer = Scenarios(lifecycle.run_timer)
CHANNEL_TIMER, SERVER_TIMER = _timer(TimerKind.PURGE_CHANNEL, GENERAL), _timer(TimerKind.PURGE_SERVER, CLUB)
run_timer.refuses("Only the scheduler calls run_timer.", "owner", CHANNEL_TIMER)
run_timer.does("while an import is open", "system", CHANNEL_TIMER, world="importing")
run_timer.does("a channel that is there", "system", CHANNEL_TIMER)
run_timer.does("a server that is there", "system", SERVER_TIMER)
run_timer.does(
    "a channel that is gone",
    "system",
    CHANNEL_TIMER,
    before=[
        ("bob", messages.edit_message, (BOB_TEXT, "m")),
        ("bob", mark_channel_read, (GENERAL, 0)),
        ("adam", delete_channel, (GENERAL,)),
    ],
)
run_timer.does("nothing left of a channel", "system", _timer(TimerKind.PURGE_CHANNEL, 99))
run_timer.does("a server that is gone", "system", SERVER_TIMER, before=[("alice", delete_server, (CLUB,))])

coordination.add_timers(run_timer)
SCENARIOS = [init, connected, disconnected, run_timer]
