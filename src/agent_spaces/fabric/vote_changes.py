"""What happens to votes with all that belongs to it: closing, ballots that go with their voters, the timer."""

from typing import TYPE_CHECKING

from agent_spaces.fabric import access, events, timers, vote_rules
from agent_spaces.fabric.coordination_access import announce_in, is_there
from agent_spaces.fabric.rows import replace
from agent_spaces.fabric.tables import Ballot, Vote
from agent_spaces.fabric.types import TimerKind

if TYPE_CHECKING:
    from agent_spaces.fabric.events import EventValue
    from agent_spaces.module import ReducerContext
    from agent_spaces.sats import Identity


def announce(ctx: "ReducerContext", vote: Vote, sender: "Identity", event: str, **members: "EventValue") -> None:
    """Send an event about the vote, whose id is its first member, into the vote's channel."""
    announce_in(ctx, vote.channel_id, None, sender, events.event_content(event, vote=vote.id, **members))


def close_vote(ctx: "ReducerContext", vote: Vote) -> None:
    """Count the ballots of an open vote, store what they say and tell the channel; its timer is left alone."""
    ballots = ctx.db[Ballot].vote_id.filter(vote.id)
    tally = vote_rules.tally_of((ballot.choice for ballot in ballots), len(vote.options))
    outcome = vote_rules.outcome_of(tally, vote.quorum)
    ctx.db[Vote].update(replace(vote, closed=True, tally=tally, outcome=outcome))
    announce(
        ctx,
        vote,
        access.deployment(ctx).system,
        "vote.closed",
        outcome=outcome,
        ballots=vote.ballots,
        electors=vote.electors,
        tally=tally,
    )


def run_vote_timer(ctx: "ReducerContext", vote_id: int) -> None:
    """Close the vote if its time is over, or look again when it will be; what is gone or closed is left alone."""
    vote = ctx.db[Vote].find(vote_id)
    if vote is None or vote.closed or not is_there(ctx, vote.channel_id, vote.server_id):
        return
    if ctx.timestamp < vote.closes_at:
        timers.rearm(ctx, TimerKind.VOTE_CLOSE, vote_id, vote.closes_at)
    else:
        close_vote(ctx, vote)


def drop_open_ballots(ctx: "ReducerContext", identity: "Identity", server_id: int) -> None:
    """Remove a former member's ballots in the open votes of a server, in id order."""
    for ballot in ctx.db[Ballot].voter.filter(identity):
        if ballot.server_id == server_id:
            _drop_if_open(ctx, ballot)


def drop_ballots_everywhere(ctx: "ReducerContext", identity: "Identity") -> None:
    """Remove the ballots in all open votes of a person who became an agent, in id order."""
    for ballot in ctx.db[Ballot].voter.filter(identity):
        _drop_if_open(ctx, ballot)


def _drop_if_open(ctx: "ReducerContext", ballot: Ballot) -> None:
    vote = ctx.db[Vote].find(ballot.vote_id)
    if vote is not None and not vote.closed:
        ctx.db[Ballot].delete(ballot.id)
        ctx.db[Vote].update(replace(vote, ballots=vote.ballots - 1))
