"""Whatever is done to knowledge in whatever order, the reducers and a plain model agree."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agent_spaces.errors import RefusedError
from agent_spaces.fabric.reducers.knowledge import publish_knowledge, retract_knowledge, verify_knowledge
from agent_spaces.fabric.tables import Knowledge
from agent_spaces.fabric.types import KnowledgeKind
from fabric.coordination.test_knowledge import knowledge_with
from fabric.coordination.world import ANN, BOB, BOT, MOD, World

WHO = {"ann": ANN, "bob": BOB, "bot": BOT, "mod": MOD}
NAME = {identity: name for name, identity in WHO.items()}

people = st.sampled_from(sorted(WHO))
keys = st.sampled_from(["k", "l"])
channels = st.sampled_from([1, 1, 1, 2])


@dataclass
class ModelRow:
    place: tuple[int, str]
    kind: KnowledgeKind
    author: str
    supersedes: int
    verifier: str | None = None
    superseded_by: int = 0
    retracted: bool = False


class KnowledgeMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.rows: list[ModelRow] = []
        self.current: dict[tuple[int, str], int] = {}

    def both(self, allowed: bool, who: str, reducer: Any, *args: Any) -> None:
        if allowed:
            self.world.call(WHO[who], reducer, *args)
        else:
            with pytest.raises(RefusedError):
                self.world.call(WHO[who], reducer, *args)

    def may_replace(self, who: str, row: ModelRow) -> bool:
        if who == "mod":
            return True
        if row.kind == KnowledgeKind.DIRECTIVE:
            return False
        return row.verifier is None or who in (row.author, row.verifier)

    @rule(
        who=people, channel=channels, key=keys, kind=st.sampled_from(KnowledgeKind), off=st.sampled_from([0, 0, 0, 1])
    )
    def publish(self, who: str, channel: int, key: str, kind: KnowledgeKind, off: int) -> None:
        place = (channel, key)
        now = self.current.get(place, 0)
        allowed = (
            off == 0
            and (kind != KnowledgeKind.DIRECTIVE or who == "mod")
            and (now == 0 or self.may_replace(who, self.rows[now - 1]))
        )
        call = knowledge_with(channel_id=channel, key=key, kind=kind, supersedes=now + off)
        self.both(allowed, who, publish_knowledge, *call)
        if allowed:
            self.rows.append(ModelRow(place, kind, who, now))
            self.current[place] = len(self.rows)
            if now:
                self.rows[now - 1].superseded_by = len(self.rows)

    @rule(who=people, pick=st.integers(0, 9))
    @precondition(lambda self: self.rows)
    def verify(self, who: str, pick: int) -> None:
        number = pick % len(self.rows) + 1
        row = self.rows[number - 1]
        is_current = self.current.get(row.place) == number
        allowed = who != row.author and (row.verifier is not None or is_current)
        self.both(allowed, who, verify_knowledge, number)
        if allowed and row.verifier is None:
            row.verifier = who

    @rule(who=people, pick=st.integers(0, 9))
    @precondition(lambda self: self.rows)
    def retract(self, who: str, pick: int) -> None:
        number = pick % len(self.rows) + 1
        row = self.rows[number - 1]
        may = who == "mod" or (row.kind != KnowledgeKind.DIRECTIVE and who == row.author)
        is_current = self.current.get(row.place) == number
        self.both(may and (is_current or row.retracted), who, retract_knowledge, number)
        if may and is_current:
            row.retracted = True
            del self.current[row.place]

    @invariant()
    def rows_are_as_the_model_says(self) -> None:
        assert [
            ModelRow(
                (row.channel_id, row.key),
                row.kind,
                NAME[row.author],
                row.supersedes,
                None if row.verified_by is None else NAME[row.verified_by],
                row.superseded_by,
                row.retracted,
            )
            for row in self.world.db[Knowledge]
        ] == self.rows

    @invariant()
    def at_most_one_row_a_key_is_current(self) -> None:
        current = {
            (row.channel_id, row.key): row.id
            for row in self.world.db[Knowledge]
            if row.superseded_by == 0 and not row.retracted
        }
        assert current == self.current


TestKnowledge = KnowledgeMachine.TestCase
TestKnowledge.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
