"""Whatever is done to votes in whatever order, the reducers and a plain model agree."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agent_spaces.errors import RefusedError
from agent_spaces.fabric.reducers import votes
from agent_spaces.fabric.reducers.servers import join_server, leave_server
from agent_spaces.fabric.reducers.users import register_user
from agent_spaces.fabric.tables import Ballot, IdentityState, Vote
from agent_spaces.fabric.types import Electorate, TimerKind
from fabric.coordination.test_votes import vote_with
from fabric.coordination.world import ANN, BOB, BOT, BOT2, HUB, MOD, OWNER, SECOND, World

WHO = {"owner": OWNER, "mod": MOD, "ann": ANN, "bob": BOB, "bot": BOT, "bot2": BOT2}
NAME = {identity: name for name, identity in WHO.items()}
LEAVERS = ("ann", "bob", "bot")
KINDS = {"members": Electorate.MEMBERS, "humans": Electorate.HUMANS, "agents": Electorate.AGENTS}

people = st.sampled_from(sorted(WHO))
picks = st.integers(0, 3)


@dataclass
class ModelVote:
    creator: str
    kind: str
    invited: set[str]
    electors: int
    quorum: int
    closes_at: float
    chosen: dict[str, int] = field(default_factory=dict)
    state: str = "open"
    result: tuple[list[int], int | None] = ([], None)

    def close(self) -> None:
        counts = Counter(self.chosen.values())
        ranking = counts.most_common()
        tie = len(ranking) > 1 and ranking[0][1] == ranking[1][1]
        decided = bool(ranking) and len(self.chosen) >= self.quorum and not tie
        self.state = "counted"
        self.result = ([counts[0], counts[1], counts[2]], ranking[0][0] if decided else None)


class VoteMachine(RuleBasedStateMachine):
    """`invited` of a vote loses who leaves: a second membership is a new one."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.start, self.now = self.world.now, 0
        self.members = set(WHO)
        self.agents = {"bot", "bot2"}
        self.votes: list[ModelVote] = []

    def both(self, allowed: bool, who: str, reducer: Any, *args: Any) -> None:
        if allowed:
            self.world.call(WHO[who], reducer, *args)
        else:
            with pytest.raises(RefusedError):
                self.world.call(WHO[who], reducer, *args)

    def is_of(self, who: str, kind: str) -> bool:
        return kind == "members" or (who in self.agents) == (kind == "agents")

    def restore_budgets(self) -> None:
        """Budgets are not what this machine is about."""
        states = self.world.db[IdentityState]
        for state in states:
            states.update(IdentityState(state.identity, state.window_start, 0, state.inbox_items))
        self.world.db.tables.finish()

    @rule(who=people, kind=st.sampled_from(sorted(KINDS)), quorum=st.integers(1, 4), lasts=st.sampled_from([5, 60]))
    @precondition(lambda self: len(self.votes) < 4)
    def open(self, who: str, kind: str, quorum: int, lasts: int) -> None:
        electors = {name for name in self.members if self.is_of(name, kind)}
        allowed = who in self.members and quorum <= len(electors)
        call = vote_with(options=["a", "b", "c"], electorate=KINDS[kind], quorum=quorum, closes_in_seconds=lasts)
        self.both(allowed, who, votes.open_vote, *call)
        if allowed:
            self.votes.append(ModelVote(who, kind, set(self.members), len(electors), quorum, self.now + lasts))

    @rule(who=people, pick=picks, choice=st.sampled_from([0, 0, 1, 2, 3]))
    @precondition(lambda self: self.votes)
    def cast(self, who: str, pick: int, choice: int) -> None:
        vote = self.votes[pick % len(self.votes)]
        elector = who in self.members and who in vote.invited and self.is_of(who, vote.kind)
        again = vote.chosen.get(who) == choice
        in_time = vote.state == "open" and self.now < vote.closes_at
        self.both(elector and (again or (in_time and choice < 3)), who, votes.cast_ballot, self.id_of(vote), choice)
        if elector and in_time and choice < 3:
            vote.chosen[who] = choice
            if len(vote.chosen) == vote.electors:
                vote.close()

    def id_of(self, vote: ModelVote) -> int:
        return next(number for number, each in enumerate(self.votes, 1) if each is vote)

    @rule(who=people, pick=picks)
    @precondition(lambda self: self.votes)
    def cancel(self, who: str, pick: int) -> None:
        vote = self.votes[pick % len(self.votes)]
        may = who in self.members and (who == vote.creator or who in {"owner", "mod"} - self.agents)
        self.both(may and vote.state != "counted", who, votes.cancel_vote, self.id_of(vote))
        if may and vote.state == "open":
            vote.state = "canceled"

    @rule(passed=st.sampled_from([1, 5, 60]), timers=st.booleans())
    def wait(self, passed: int, timers: bool) -> None:
        self.now += passed
        self.world.wait(passed)
        if timers:
            self.world.run_timers()
            for vote in self.votes:
                if vote.state == "open" and self.now >= vote.closes_at:
                    vote.close()

    def forget(self, who: str) -> None:
        for vote in self.votes:
            if vote.state == "open":
                vote.chosen.pop(who, None)

    @rule(who=st.sampled_from(LEAVERS))
    def leave_or_join(self, who: str) -> None:
        if who in self.members:
            self.members.remove(who)
            self.forget(who)
            for vote in self.votes:
                vote.invited.discard(who)
            self.world.call(WHO[who], leave_server, HUB)
        else:
            self.members.add(who)
            self.world.call(WHO[who], join_server, HUB)
        self.restore_budgets()

    @rule(who=st.sampled_from(["ann", "bob", "mod"]))
    def become_an_agent(self, who: str) -> None:
        if who not in self.agents:
            self.agents.add(who)
            self.forget(who)
        self.world.call(WHO[who], register_user, who, None, True)
        self.restore_budgets()

    @invariant()
    def rows_are_as_the_model_says(self) -> None:
        ballots: dict[int, dict[str, int]] = {}
        for ballot in self.world.db[Ballot]:
            ballots.setdefault(ballot.vote_id, {})[NAME[ballot.voter]] = ballot.choice
        rows = [
            (row.electors, row.ballots, row.closed, row.tally, row.outcome, ballots.get(row.id, {}))
            for row in self.world.db[Vote]
        ]
        assert rows == [
            (vote.electors, len(vote.chosen), vote.state != "open", *vote.result, vote.chosen) for vote in self.votes
        ]

    @invariant()
    def open_votes_have_a_timer(self) -> None:
        assert sorted(self.world.timers(), key=str) == sorted(
            (
                (TimerKind.VOTE_CLOSE, number, self.start + vote.closes_at * SECOND)
                for number, vote in enumerate(self.votes, 1)
                if vote.state == "open"
            ),
            key=str,
        )


TestVotes = VoteMachine.TestCase
TestVotes.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
