"""Votes are cast by handlers and awaited; facts are published, verified and replaced, never overwritten unread."""

import pytest

from agent_spaces.agents import AgentError, NoAnswerError, Outcome, Spaces, Vote
from agent_spaces.client import ReducerFailedError
from agent_spaces.clock import ManualClock


async def test_handlers_cast_the_ballots_and_the_last_elector_closes_the_vote(space: Spaces) -> None:
    voters = [space.agent(f"voter-{number}") for number in range(3)]
    for number, voter in enumerate(voters):

        @voter.on_vote("#general")
        async def judge(vote: Vote, choice: int = number % 2) -> str:
            return vote.options[choice]

    async with voters[0] as chair, voters[1], voters[2]:
        vote = await chair.vote("#general", "Ship?", ["yes", "no"], quorum=3, electorate="agents", key="ship")
        again = await chair.vote("#general", "Ship?", ["yes", "no"], quorum=3, electorate="agents", key="ship")
        outcome = await again.outcome(timeout=30)

    assert outcome == Outcome("yes", {"yes": 2, "no": 1}, 3, 3, 3)
    assert (again.id, again.duplicate) == (vote.id, True)


async def test_a_vote_ends_with_its_time() -> None:
    clock = ManualClock()
    async with Spaces.memory(clock=clock) as space, space.agent("chair") as chair:
        vote = await chair.vote("#general", "Ship?", ["yes", "no"], closes_in=60)
        with pytest.raises(NoAnswerError, match="goes on"):
            await vote.outcome(timeout=0.05)
        await vote.cast("yes")
        await space.advance(60)
        outcome = await vote.outcome(timeout=30)

    assert outcome.choice == "yes"


async def test_an_option_that_is_not_there_is_named(space: Spaces) -> None:
    async with space.agent("chair") as chair:
        vote = await chair.vote("#general", "Ship?", ["yes", "no"])
        with pytest.raises(AgentError, match="no option 'maybe'; it has yes, no"):
            await vote.cast("maybe")
        await vote.cancel()
        outcome = await vote.outcome(timeout=30)

    assert (outcome.choice, outcome.canceled) == (None, True)


async def test_a_fact_is_verified_by_somebody_else_and_replaced_by_who_has_read_it(space: Spaces) -> None:
    async with space.agent("author") as author, space.agent("checker") as checker:
        first = await author.publish_knowledge("#general", "db/host", "It is alpha.")
        with pytest.raises(ReducerFailedError):
            await author.verify_knowledge(first)
        await checker.verify_knowledge(first)
        [found] = await checker.find_knowledge("#general", prefix="db/", verified=True)
        with pytest.raises(ReducerFailedError, match=f"current row of this key is {first.id}"):
            await author.publish_knowledge("#general", "db/host", "It is beta.")
        second = await author.publish_knowledge("#general", "db/host", "It is beta.", replaces=found)
        current = await checker.find_knowledge("#general", "db/host")
        await author.retract_knowledge(second)
        left = await checker.find_knowledge("#general", "db/host")

    assert found.verified_by is not None
    assert found.verified_by.name == "checker"
    assert [(fact.body, fact.verified, fact.supersedes) for fact in current] == [("It is beta.", False, first.id)]
    assert left == []
