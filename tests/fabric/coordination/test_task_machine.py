"""Whatever is done to tasks in whatever order, the reducers and the plain model agree."""

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agent_spaces.errors import RefusedError
from agent_spaces.fabric.reducers import task_claims, tasks
from agent_spaces.fabric.reducers.servers import join_server, leave_server
from agent_spaces.fabric.tables import ChannelHead, IdentityState, InboxItem, Task, TaskText
from agent_spaces.fabric.types import TimerKind
from agent_spaces.sats import ZERO_IDENTITY
from fabric.coordination.task_model import FINAL, FREE, WAITING, WORKING, ModelTask, TaskModel
from fabric.coordination.test_submit_task import task_with
from fabric.coordination.world import ANN, BOB, BOT, GENERAL, HUB, MOD, SECOND, World

WHO = {"ann": ANN, "bob": BOB, "bot": BOT, "mod": MOD}
NAME = {identity: name for name, identity in WHO.items()} | {ZERO_IDENTITY: None}
PHASE = {FREE: 0, WORKING: 1, WAITING: 2} | dict.fromkeys(FINAL, 3)

people = st.sampled_from(sorted(WHO))
attempts_back = st.sampled_from([0, 0, 0, 1])
seconds = st.sampled_from([1, 3, 10, 600])
words = st.sampled_from(["a", "b"])
picks = st.integers(0, 3)


class TaskMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.start = self.world.now
        self.model = TaskModel(set(WHO), {"mod"}, {"bot"}, 0.0)

    def both(self, allowed: bool, who: str, reducer: Any, *args: Any) -> None:
        """Make the call; it is refused exactly if the model does not allow it."""
        if allowed:
            self.world.call(WHO[who], reducer, *args)
        else:
            with pytest.raises(RefusedError):
                self.world.call(WHO[who], reducer, *args)

    def picked(self, pick: int, back: int) -> tuple[ModelTask, int, int]:
        """Return a task of the model, its id, and an attempt that is current or not."""
        position = pick % len(self.model.tasks)
        task = self.model.tasks[position]
        return task, position + 1, max(0, task.attempt - back)

    @rule(who=people, whom=st.none() | people, failures_max=st.integers(1, 3))
    @precondition(lambda self: len(self.model.tasks) < 4)
    def submit(self, who: str, whom: str | None, failures_max: int) -> None:
        allowed = self.model.submit(who, whom, failures_max)
        identity = None if whom is None else WHO[whom]
        self.both(allowed, who, tasks.submit_task, *task_with(target=identity, failures_max=failures_max))

    @rule(who=people, pick=picks, lease=seconds)
    @precondition(lambda self: self.model.tasks)
    def claim(self, who: str, pick: int, lease: int) -> None:
        task, task_id, _ = self.picked(pick, 0)
        self.both(self.model.claim(who, task, lease), who, task_claims.claim_task, task_id, lease)

    @rule(who=people, pick=picks, back=attempts_back, lease=seconds, note=st.none() | words)
    @precondition(lambda self: self.model.tasks)
    def renew(self, who: str, pick: int, back: int, lease: int, note: str | None) -> None:
        task, task_id, attempt = self.picked(pick, back)
        allowed = self.model.renew(who, task, attempt, lease, note)
        self.both(allowed, who, task_claims.renew_task, task_id, attempt, lease, note)

    @rule(who=people, pick=picks, back=attempts_back, result=words)
    @precondition(lambda self: self.model.tasks)
    def complete(self, who: str, pick: int, back: int, result: str) -> None:
        task, task_id, attempt = self.picked(pick, back)
        allowed = self.model.complete(who, task, attempt, result)
        self.both(allowed, who, task_claims.complete_task, task_id, attempt, result)

    @rule(who=people, pick=picks, back=attempts_back, reason=words)
    @precondition(lambda self: self.model.tasks)
    def fail(self, who: str, pick: int, back: int, reason: str) -> None:
        task, task_id, attempt = self.picked(pick, back)
        self.both(self.model.fail(who, task, attempt, reason), who, task_claims.fail_task, task_id, attempt, reason)

    @rule(who=people, pick=picks, back=attempts_back)
    @precondition(lambda self: self.model.tasks)
    def release(self, who: str, pick: int, back: int) -> None:
        task, task_id, attempt = self.picked(pick, back)
        self.both(self.model.release(who, task, attempt), who, task_claims.release_task, task_id, attempt)

    @rule(who=people, pick=picks, back=attempts_back, prompt=words, human_only=st.booleans())
    @precondition(lambda self: self.model.tasks)
    def ask(self, who: str, pick: int, back: int, prompt: str, human_only: bool) -> None:
        task, task_id, attempt = self.picked(pick, back)
        allowed = self.model.ask(who, task, attempt, prompt, human_only)
        self.both(allowed, who, task_claims.request_input, task_id, attempt, prompt, human_only)

    @rule(who=people, pick=picks, text=words)
    @precondition(lambda self: self.model.tasks)
    def answer(self, who: str, pick: int, text: str) -> None:
        task, task_id, _ = self.picked(pick, 0)
        self.both(self.model.answer(who, task, text), who, tasks.provide_input, task_id, text)

    @rule(who=people, pick=picks, reason=words)
    @precondition(lambda self: self.model.tasks)
    def reject(self, who: str, pick: int, reason: str) -> None:
        task, task_id, _ = self.picked(pick, 0)
        self.both(self.model.reject(who, task, reason), who, tasks.reject_task, task_id, reason)

    @rule(who=people, pick=picks)
    @precondition(lambda self: self.model.tasks)
    def cancel(self, who: str, pick: int) -> None:
        task, task_id, _ = self.picked(pick, 0)
        self.both(self.model.cancel(who, task), who, tasks.cancel_task, task_id)

    @rule(passed=st.sampled_from([1, 2, 10, 301]), timers=st.booleans())
    def wait(self, passed: int, timers: bool) -> None:
        self.model.now += passed
        self.world.wait(passed)
        if timers:
            self.model.run_timers()
            self.world.run_timers()

    @rule(who=people)
    def leave_or_join(self, who: str) -> None:
        if who == "mod":
            return
        if who in self.model.members:
            self.model.leave(who)
            self.world.call(WHO[who], leave_server, HUB)
        else:
            self.model.members.add(who)
            self.world.call(WHO[who], join_server, HUB)
        # Joining and leaving cost budget, which is not what this machine is about.
        states = self.world.db[IdentityState]
        state = states.find(WHO[who])
        states.update(IdentityState(state.identity, state.window_start, 0, state.inbox_items))
        self.world.db.tables.finish()

    def seconds_of(self, timestamp: int | None) -> float | None:
        return None if timestamp is None else (timestamp - self.start) / SECOND

    @invariant()
    def rows_are_as_the_model_says(self) -> None:
        def told(row: Task, text: TaskText) -> ModelTask:
            return ModelTask(
                creator=NAME[row.creator] or "",
                target=NAME[row.target],
                failures_max=row.failures_max,
                not_before=self.seconds_of(row.not_before) or 0.0,
                state=row.state.name.lower(),
                assignee=NAME[row.assignee],
                attempt=row.attempt,
                failures=row.failures,
                lease_until=self.seconds_of(row.lease_until),
                human_only=row.human_only,
                note=row.note,
                input=None if text.input is None else (NAME[text.input_by or ZERO_IDENTITY] or "", text.input),
                result=text.result,
            )

        rows = list(self.world.db[Task])
        assert [told(row, self.world.text(row.id)) for row in rows] == self.model.tasks
        assert [row.phase for row in rows] == [PHASE[task.state] for task in self.model.tasks]

    @invariant()
    def what_follows_from_rows_follows(self) -> None:
        tasks_now = self.model.tasks
        assert self.world.db[ChannelHead].find(GENERAL).open_tasks == sum(t.state not in FINAL for t in tasks_now)
        assert sorted(self.world.timers(), key=str) == sorted(
            (
                (TimerKind.TASK_LEASE, position, self.start + int((task.lease_until or 0) * SECOND))
                for position, task in enumerate(tasks_now, 1)
                if task.lease_until is not None
            ),
            key=str,
        )
        items = sorted(((NAME[row.identity], row.kind.name) for row in self.world.db[InboxItem]), key=str)
        assert items == sorted(self.model.inbox, key=str)

    @invariant()
    def messages_have_no_hole(self) -> None:
        seqs = [row.seq for row in self.world.messages() if row.channel_id == GENERAL]
        assert seqs == list(range(1, len(seqs) + 1))


TestTasks = TaskMachine.TestCase
TestTasks.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
