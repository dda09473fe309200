"""Tasks as contract section 7 tells them, in plain Python: what test_task_machine.py compares the reducers with.

Times are seconds. A rule returns whether the call is allowed, and changes the model if it is.
"""

from dataclasses import dataclass, field

FREE, WORKING, WAITING = "submitted", "working", "input_required"
FINAL = ("completed", "failed", "canceled", "rejected")


@dataclass
class ModelTask:
    creator: str
    target: str | None
    failures_max: int
    not_before: float
    state: str = FREE
    assignee: str | None = None
    attempt: int = 0
    failures: int = 0
    lease_until: float | None = None
    human_only: bool = False
    note: str = ""
    input: tuple[str, str] | None = None
    result: str | None = None


@dataclass
class TaskModel:
    """`moderators` and `agents` are names; `inbox` is what each member was called for."""

    members: set[str]
    moderators: set[str]
    agents: set[str]
    now: float
    tasks: list[ModelTask] = field(default_factory=list)
    inbox: list[tuple[str, str]] = field(default_factory=list)

    def tell(self, actor: str, who: str | None, kind: str) -> None:
        if who is not None and who in self.members and who != actor:
            self.inbox.append((who, kind))

    def fail_once(self, actor: str, task: ModelTask, at: float) -> None:
        task.failures += 1
        task.lease_until = None
        if task.failures == task.failures_max:
            task.state = "failed"
            self.tell(actor, task.creator, "TASK_FINISHED")
        else:
            task.state = FREE
            task.not_before = at + min(2**task.failures, 300)

    def is_over(self, task: ModelTask) -> bool:
        return task.lease_until is not None and self.now >= task.lease_until

    def run_timers(self) -> None:
        for task in sorted((task for task in self.tasks if self.is_over(task)), key=lambda each: each.lease_until or 0):
            self.fail_once("system", task, task.lease_until or 0)

    def leave(self, who: str) -> None:
        self.members.remove(who)
        self.inbox = [item for item in self.inbox if item[0] != who]
        for task in self.tasks:
            if task.assignee == who and task.state in (WORKING, WAITING):
                self.fail_once("system", task, self.now)

    def submit(self, who: str, target: str | None, failures_max: int) -> bool:
        if who not in self.members or (target is not None and target not in self.members):
            return False
        self.tasks.append(ModelTask(who, target, failures_max, self.now))
        self.tell(who, target, "TASK_OFFERED")
        return True

    def claim(self, who: str, task: ModelTask, seconds: int) -> bool:
        if who not in self.members:
            return False
        again = task.state == WORKING and task.assignee == who
        lapsed = task.state == WORKING and not again and self.is_over(task)
        if not again:
            if task.state != FREE and not lapsed:
                return False
            if lapsed and task.failures + 1 == task.failures_max:
                return False
            if task.target in self.members and task.target != who:
                return False
            wait_until = (task.lease_until or 0) + min(2 ** (task.failures + 1), 300) if lapsed else task.not_before
            if self.now < wait_until:
                return False
        if lapsed:
            self.fail_once(who, task, task.lease_until or 0)
        task.state, task.assignee, task.lease_until = WORKING, who, self.now + seconds
        task.attempt += 1
        return True

    def holds(self, who: str, task: ModelTask, attempt: int) -> bool:
        mine = who in self.members and task.assignee == who and task.attempt == attempt
        return mine and task.state == WORKING and not self.is_over(task)

    def waits(self, who: str, task: ModelTask, attempt: int) -> bool:
        return who in self.members and task.assignee == who and task.attempt == attempt and task.state == WAITING

    def renew(self, who: str, task: ModelTask, attempt: int, seconds: int, note: str | None) -> bool:
        if not self.holds(who, task, attempt):
            return False
        task.lease_until = self.now + seconds
        task.note = note or task.note
        return True

    def complete(self, who: str, task: ModelTask, attempt: int, result: str) -> bool:
        if who not in self.members or task.assignee != who or task.attempt != attempt:
            return False
        if task.state == "completed":
            return task.result == result
        if task.state not in (FREE, WORKING):
            return False
        task.state, task.result, task.lease_until = "completed", result, None
        self.tell(who, task.creator, "TASK_FINISHED")
        return True

    def fail(self, who: str, task: ModelTask, attempt: int, reason: str) -> bool:
        if not self.holds(who, task, attempt) and not self.waits(who, task, attempt):
            return False
        task.note, task.assignee = reason, None
        self.fail_once(who, task, self.now)
        return True

    def release(self, who: str, task: ModelTask, attempt: int) -> bool:
        rules_it = who in self.members and (task.creator == who or who in self.moderators)
        taken_back = rules_it and task.state in (WORKING, WAITING) and task.attempt == attempt
        if not taken_back and not self.holds(who, task, attempt) and not self.waits(who, task, attempt):
            return False
        task.state, task.assignee, task.lease_until, task.not_before = FREE, None, None, self.now
        return True

    def ask(self, who: str, task: ModelTask, attempt: int, prompt: str, human_only: bool) -> bool:
        if not self.holds(who, task, attempt):
            return False
        task.state, task.lease_until, task.note = WAITING, None, prompt
        task.human_only, task.input = human_only, None
        self.tell(who, task.creator, "TASK_INPUT_REQUIRED")
        return True

    def answer(self, who: str, task: ModelTask, text: str) -> bool:
        may = who in self.members and (task.creator == who or who in self.moderators)
        if not may or task.state != WAITING or task.assignee == who or (task.human_only and who in self.agents):
            return False
        task.state, task.lease_until, task.input = WORKING, self.now + 300, (who, text)
        self.tell(who, task.assignee, "TASK_INPUT_PROVIDED")
        return True

    def reject(self, who: str, task: ModelTask, reason: str) -> bool:
        if who not in self.members or task.target != who:
            return False
        if task.state == "rejected":
            return task.note == reason
        if task.state != FREE:
            return False
        task.state, task.note = "rejected", reason
        self.tell(who, task.creator, "TASK_FINISHED")
        return True

    def cancel(self, who: str, task: ModelTask) -> bool:
        if who not in self.members or (task.creator != who and who not in self.moderators):
            return False
        if task.state in FINAL:
            return task.state == "canceled"
        if task.state in (WORKING, WAITING):
            self.tell(who, task.assignee, "TASK_CANCELED")
        task.state, task.lease_until = "canceled", None
        self.tell(who, task.creator, "TASK_FINISHED")
        return True
