"""What happens in one server leaves another alone."""

import pytest

from agent_spaces.fabric.reducers.knowledge import publish_knowledge, verify_knowledge
from agent_spaces.fabric.reducers.servers import create_server, join_server, leave_server
from agent_spaces.fabric.reducers.task_claims import claim_task
from agent_spaces.fabric.reducers.tasks import cancel_task, submit_task
from agent_spaces.fabric.reducers.votes import cancel_vote, cast_ballot, open_vote
from agent_spaces.fabric.tables import Ballot, Server
from fabric.coordination.test_knowledge import knowledge_with
from fabric.coordination.test_submit_task import task_with
from fabric.coordination.test_votes import vote_with
from fabric.coordination.world import ANN, BOB, GENERAL, HUB, MOD, World

SHOP, SHOP_GENERAL = 2, 5


@pytest.fixture
def world() -> World:
    """A world with a second server, and in both a task that bob holds and a vote that bob took part in."""
    made = World()
    made.call(MOD, create_server, "Shop", None, None)
    made.call(BOB, join_server, SHOP)
    for number, channel_id in ((1, GENERAL), (2, SHOP_GENERAL)):
        made.call(MOD, submit_task, *task_with(channel_id=channel_id))
        made.call(MOD, open_vote, *vote_with(channel_id=channel_id))
        made.call(BOB, claim_task, number, 60)
        made.call(BOB, cast_ballot, number, 0)
    return made


def test_who_leaves_one_server_keeps_tasks_and_ballots_in_the_other(world: World) -> None:
    world.call(BOB, leave_server, HUB)

    assert (world.task(1).phase, world.task(2).phase) == (0, 1)
    assert [row.vote_id for row in world.db[Ballot]] == [2]
    assert [ref_id for _, ref_id, _ in world.timers()] == [1, 2, 2]


def test_members_of_another_server_see_nothing(world: World) -> None:
    world.call(MOD, publish_knowledge, *knowledge_with(channel_id=SHOP_GENERAL))

    assert world.refusal(ANN, claim_task, 2, 60) == "There is no task 2."
    assert world.refusal(ANN, cast_ballot, 2, 0) == "There is no vote 2."
    assert world.refusal(ANN, verify_knowledge, 1) == "There is no knowledge 1."


def test_what_belongs_to_a_server_that_is_gone_does_not_exist(world: World) -> None:
    """As after an import of rows whose server was being purged."""
    world.db[Server].delete(SHOP)
    world.db.tables.finish()

    assert world.refusal(MOD, cancel_task, 2) == "There is no task 2."
    assert world.refusal(MOD, cancel_vote, 2) == "There is no vote 2."
    world.wait(60)
    world.run_timers()
    assert (world.task(1).phase, world.task(2).phase) == (0, 1)
