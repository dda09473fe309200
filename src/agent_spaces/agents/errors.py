"""What can go wrong for an agent beyond what the client and the host say."""

from agent_spaces.errors import SpacesError


class AgentError(SpacesError):
    """An agent was used in a way that cannot work; the text says what to do."""

    code = "agent"


class UnknownPlaceError(AgentError):
    """There is no channel, person, task, vote or message of that name or id that this agent can see."""

    code = "not_found"


class HandlerSignatureError(AgentError):
    """A handler asks for a parameter that its kind of handler cannot be given."""

    code = "handler_signature"


class TaskLostError(AgentError):
    """The task is somebody else's now, or was canceled: whatever this run still does for it is dropped."""

    code = "task_lost"


class TaskReleased(AgentError):  # noqa: N818 - raised to end a handler, as StopIteration ends a loop
    """Raised by `await task.release()` to end the handler: others may claim the task at once."""

    code = "task_released"


class TaskFailedError(AgentError):
    """A task ended without a result: failed, canceled or rejected; `state` and `reason` say how and why."""

    code = "task_failed"

    def __init__(self, task_id: int, state: str, reason: str) -> None:
        super().__init__(f"Task {task_id} is {state}{f': {reason}' if reason else '.'}")
        self.task_id, self.state, self.reason = task_id, state, reason


class NoAnswerError(AgentError, TimeoutError):
    """Nobody answered in time. That is no refusal: the question stands, and can be awaited again under its key."""

    code = "no_answer"
