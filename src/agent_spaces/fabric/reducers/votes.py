"""Votes: open, cast, cancel; closing is in vote_changes.py (contract section 7)."""

from agent_spaces.errors import RefusedError
from agent_spaces.fabric import (
    access,
    audit,
    budget,
    keys,
    rules,
    rules_coordination,
    rules_text,
    talk,
    timers,
    vote_changes,
    vote_rules,
)
from agent_spaces.fabric.coordination_access import vote_of
from agent_spaces.fabric.rows import replace
from agent_spaces.fabric.tables import Ballot, ServerMember, Vote
from agent_spaces.fabric.types import Electorate, TimerKind
from agent_spaces.module import ReducerContext, reducer
from agent_spaces.sats import Timestamp, u32, u64


def _check_counts(ctx: ReducerContext, channel_id: int, server_id: int) -> None:
    """Refuse one open vote too many, and servers that are too big for votes."""
    votes = ctx.db[Vote]
    if votes.by_creator_closed.count(ctx.sender, False) >= vote_rules.OPEN_VOTES_OF_ONE_MAX:
        raise RefusedError(vote_rules.TOO_MANY_OPEN_VOTES)
    if votes.by_channel_id_closed.count(channel_id, False) >= vote_rules.OPEN_VOTES_IN_CHANNEL_MAX:
        raise RefusedError(vote_rules.TOO_MANY_OPEN_VOTES_HERE)
    if ctx.db[ServerMember].server_id.count(server_id) > vote_rules.MEMBERS_MAX:
        raise RefusedError(vote_rules.TOO_MANY_MEMBERS)


@reducer
def open_vote(
    ctx: ReducerContext,
    channel_id: u64,
    question: str,
    options: list[str],
    electorate: Electorate,
    quorum: u32,
    closes_in_seconds: u32,
    client_key: str | None = None,
) -> None:
    """Ask the members, persons or agents of a server; who may post Text in the channel may.

    Electors are those who are members of that kind now.
    """
    access.caller(ctx)
    rules_coordination.check_question(question)
    vote_rules.check_option_count(options)
    for option in options:
        rules_coordination.check_option(option)
    vote_rules.check_options_differ(options)
    vote_rules.check_quorum_at_least_one(quorum)
    vote_rules.check_closes_in_seconds(closes_in_seconds)
    rules_text.check_client_key(client_key)
    if keys.is_repeat(ctx, client_key):
        return
    channel, member = access.channel_of(ctx, channel_id)
    access.check_not_muted(ctx, channel.server_id)
    talk.check_may_post(channel, member)
    _check_counts(ctx, channel_id, channel.server_id)
    members = ctx.db[ServerMember].server_id.filter(channel.server_id)
    electors = sum(vote_rules.is_of(electorate, row.role) for row in members)
    vote_rules.check_quorum_can_be_met(quorum, electors)
    budget.spend(ctx)

    closes_at = Timestamp(ctx.timestamp + closes_in_seconds * rules.SECOND_US)
    vote = ctx.db[Vote].insert(
        Vote(
            id=0,
            server_id=channel.server_id,
            channel_id=channel_id,
            creator=ctx.sender,
            question=question,
            options=options,
            electorate=electorate,
            electors=electors,
            quorum=quorum,
            closes_at=closes_at,
            ballots=0,
            closed=False,
            tally=[],
            outcome=None,
            member_id_max=max(row.id for row in members),
            created_at=ctx.timestamp,
        )
    )
    timers.arm(ctx, TimerKind.VOTE_CLOSE, vote.id, closes_at)
    vote_changes.announce(ctx, vote, ctx.sender, "vote.opened", question=question, options=options, quorum=quorum)
    keys.record(ctx, client_key, vote.id)


@reducer
def cast_ballot(ctx: ReducerContext, vote_id: u64, choice: u32) -> None:
    """Choose an option by its position; a second ballot replaces the first, the last elector's closes the vote."""
    access.caller(ctx)
    vote, member = vote_of(ctx, vote_id)
    if member.id > vote.member_id_max or not vote_rules.is_of(vote.electorate, member.role):
        raise RefusedError(vote_rules.NO_ELECTOR)
    before = ctx.db[Ballot].by_voter_vote_id.find(ctx.sender, vote_id)
    if before is not None and before.choice == choice:
        return
    if vote.closed or ctx.timestamp >= vote.closes_at:
        raise vote_rules.is_closed(vote_id)
    vote_rules.check_choice(choice, len(vote.options))

    if before is not None:
        ctx.db[Ballot].update(replace(before, choice=choice, cast_at=ctx.timestamp))
        return
    ctx.db[Ballot].insert(Ballot(0, vote_id, vote.server_id, ctx.sender, choice, ctx.timestamp))
    vote = ctx.db[Vote].update(replace(vote, ballots=vote.ballots + 1))
    if vote.ballots == vote.electors:
        timers.disarm(ctx, TimerKind.VOTE_CLOSE, vote_id)
        vote_changes.close_vote(ctx, vote)


@reducer
def cancel_vote(ctx: ReducerContext, vote_id: u64) -> None:
    """Close a vote without outcome or tally; its creator and Moderators and above may. Again changes nothing."""
    access.caller(ctx)
    vote, member = vote_of(ctx, vote_id)
    if vote.creator != ctx.sender and not access.is_moderator(member):
        raise RefusedError(vote_rules.CANCEL_BY_CREATOR_OR_MODERATOR)
    if vote.closed and not vote.tally:
        return
    if vote.closed:
        raise vote_rules.is_closed(vote_id)

    ctx.db[Vote].update(replace(vote, closed=True))
    timers.disarm(ctx, TimerKind.VOTE_CLOSE, vote_id)
    vote_changes.announce(ctx, vote, ctx.sender, "vote.canceled")
    audit.note(ctx, vote.server_id, "vote.canceled", channel_id=vote.channel_id, object_id=vote_id)


REDUCERS = (open_vote, cast_ballot, cancel_vote)
