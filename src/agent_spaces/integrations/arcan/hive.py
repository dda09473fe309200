"""A hive: agents that try approaches to one task, generation by generation, and choose together what goes on.

Claims are tasks of the fabric and selections are votes, so that one of two wins, leases end, and ballots are counted by
the host. The events `hive.*` tell of them; nothing is believed because an event says so.
"""

import json
import math
from secrets import token_hex
from typing import Any

from agent_spaces.agents.errors import UnknownPlaceError
from agent_spaces.agents.session import Sent
from agent_spaces.agents.tools import Toolbox
from agent_spaces.agents.votes import Who
from agent_spaces.fabric.reducers import task_claims
from agent_spaces.fabric.reducers.tasks import cancel_task, submit_task
from agent_spaces.fabric.reducers.threads import archive_thread, create_thread
from agent_spaces.fabric.reducers.votes import cancel_vote, cast_ballot, open_vote
from agent_spaces.fabric.rules_text import CONTENT_CHARS_MAX
from agent_spaces.fabric.types import Electorate, MessageType
from agent_spaces.fabric.vote_rules import OPTIONS_MAX
from agent_spaces.integrations.arcan import hive_rows
from agent_spaces.integrations.arcan.hive_reads import NONE_OF_THEM, TITLE_CHARS_MAX, HiveError, HiveReads
from agent_spaces.integrations.arcan.hive_rows import Artifact, Claim, HiveContext, Selection
from agent_spaces.peer_text import one_line

LEASE_SECONDS = 300
CANDIDATES_MAX = OPTIONS_MAX - 1  # one option is that none of them shall win


class Hive:
    """The hive of one task in one channel, for the identity of a box of tools.

    `task` names the threads `hive-{task}-{generation}`: up to 64 of A-Z, a-z, 0-9, dot, dash and underscore.
    """

    def __init__(self, box: Toolbox, channel: int | str, task: str) -> None:
        self._reads, self._session, self.task = HiveReads(box, channel, task), box.session, task

    async def thread(self, generation: int) -> int:
        """Return the id of a generation's thread, opened if there was none."""
        name, found = self._reads.name(generation), await self._reads.threads()
        if generation in found:
            return found[generation]
        arguments = {"channel_id": await self._reads.channel_id(), "name": name, "initial_message": None, "meta": None}
        opened = await self._session.send(create_thread, arguments, _once())
        chosen = (await self._reads.threads())[generation]
        if chosen != opened.id:  # somebody else had the same thought a moment earlier
            await self._session.settle(archive_thread, opened.id)
        return chosen

    async def share_artifact(
        self,
        generation: int,
        summary: str,
        score: float,
        *,
        session: str = "",
        claim: tuple[int, int] | None = None,
        key: str | None = None,
    ) -> Artifact:
        """Share what one made; a claim (task id and attempt) is completed with it, and proves the work.

        HiveError if it is more than an event holds (4000 characters of JSON); ReducerFailedError if the claim is
        somebody else's by now: then nothing is shared.
        """
        if not summary.strip() or not math.isfinite(score):
            raise HiveError("An artifact needs a summary, and a score that is a number.")
        members: dict[str, Any] = {"generation": generation, "score": score, "session": session, "summary": summary}
        if claim is not None:
            members["task_id"] = claim[0]
            key = key or f"hive/{claim[0]}/{claim[1]}/artifact"
        content = _content(hive_rows.ARTIFACT, self.task, members)
        thread_id = await self.thread(generation)
        if claim is not None:
            tasks = [row.id for _, row in await self._reads.tasks({generation: thread_id})]
            if claim[0] not in tasks:
                raise UnknownPlaceError(f"There is no claim {claim[0]} in generation {generation} of {self.task}.")
            await self._session.settle(task_claims.complete_task, *claim, summary)
        sent = await self._post(thread_id, content, key)
        row = await self._session.message_row(sent.id)
        if row is None:
            raise UnknownPlaceError(f"Artifact {sent.id} was shared, and is deleted already.")
        [artifact] = await self._reads.artifacts([(generation, row)])
        return artifact

    async def artifacts(self, generation: int) -> list[Artifact]:
        """Return what was shared in a generation, oldest first, of the 2000 newest messages of the channel."""
        rows, _ = await self._reads.messages()
        return await self._reads.artifacts([one for one in rows if one[0] == generation])

    async def claim(self, generation: int, approach: str, *, lease_seconds: int = LEASE_SECONDS) -> Claim:
        """Take an approach, so that nobody else tries the same; two are the same if they read the same in one line.

        ReducerFailedError says who holds it, or that it is done with.
        """
        title = one_line(approach, TITLE_CHARS_MAX)
        thread_id = await self.thread(generation)
        task = await self._reads.approach(thread_id, title)
        if task is None:
            submitted = await self._submit(thread_id, title)
            task = await self._reads.approach(thread_id, title)
            if task is None:
                raise HiveError(f"The approach {title} was canceled while it was being claimed.")
            if task.id != submitted.id:  # somebody else had the same thought a moment earlier
                await self._session.settle(cancel_task, submitted.id)
        await self._session.settle(task_claims.claim_task, task.id, lease_seconds)
        [row] = await self._session.rows(f"SELECT * FROM task WHERE id = {task.id}")
        claim = await self._reads.claim(generation, row)
        members: dict[str, Any] = {"generation": generation, "task_id": claim.task_id, "attempt": claim.attempt}
        if row.creator == self._session.me:  # else they are a peer's words, and the event would give them as one's own
            members["approach"] = title
        key = f"hive/{claim.task_id}/{claim.attempt}/claim"
        await self._post(thread_id, _content(hive_rows.CLAIM, self.task, members), key)
        return claim

    async def renew(self, task_id: int, attempt: int, *, lease_seconds: int = LEASE_SECONDS) -> None:
        """Keep a claim for so many seconds from now."""
        await self._session.settle(task_claims.renew_task, task_id, attempt, lease_seconds, None)

    async def release(self, task_id: int, attempt: int) -> None:
        """Let others claim the approach at once."""
        await self._session.call(task_claims.release_task, task_id, attempt)

    async def open_selection(
        self, generation: int, *, quorum: int = 1, closes_in: float = 600, electorate: Who = "agents"
    ) -> Selection:
        """Open the vote on a generation's artifacts (the 19 with the best scores), or return the one that is there.

        A vote that chose nothing does not stand in the way of the next. HiveError if nothing was shared yet.
        """
        found = await self._standing(generation)
        if found:
            return found[0]
        candidates = sorted(await self.artifacts(generation), key=lambda one: (-one.score, one.id))[:CANDIDATES_MAX]
        if not candidates:
            raise HiveError(f"Nothing was shared in generation {generation} of {self.task}: nothing can be selected.")
        arguments = {
            "channel_id": await self._reads.channel_id(),
            "question": self._reads.question(generation),
            "options": [NONE_OF_THEM, *(f"artifact {one.id} by {one.author}" for one in candidates)],
            "electorate": Electorate[electorate.upper()],
            "quorum": quorum,
            "closes_in_seconds": max(1, round(closes_in)),
        }
        opened = await self._session.send(open_vote, arguments, _once())
        first = (await self._standing(generation))[0]
        if first.vote_id != opened.id:  # somebody else had the same thought a moment earlier
            await self._session.settle(cancel_vote, opened.id)
        return first

    async def select(self, vote_id: int, artifact_id: int | None) -> Selection:
        """Vote for an artifact, or with None for none of them; a second ballot replaces the first."""
        selection = await self.selection(vote_id)
        if artifact_id is not None and artifact_id not in selection.choices:
            raise HiveError(f"Artifact {artifact_id} is not up for selection {vote_id}.")
        choice = 0 if artifact_id is None else selection.choices.index(artifact_id) + 1
        await self._session.settle(cast_ballot, vote_id, choice)
        return await self.selection(vote_id)

    async def selection(self, vote_id: int) -> Selection:
        """Return how a selection stands; UnknownPlaceError if it is none of this hive."""
        for selection in await self._reads.selections():
            if selection.vote_id == vote_id:
                return selection
        raise UnknownPlaceError(f"There is no selection {vote_id} in the hive of {self.task}.")

    async def announce_selection(self, vote_id: int) -> Selection:
        """Tell what a closed vote chose; HiveError while it is open. Each identity tells it once."""
        selection = await self.selection(vote_id)
        if not selection.closed:
            raise HiveError(f"Selection {vote_id} is open: {selection.ballots} of {selection.electors} have voted.")
        members = {
            "generation": selection.generation,
            "vote_id": vote_id,
            "artifact_id": selection.artifact_id,
            "tally": selection.tally,
        }
        thread_id = await self.thread(selection.generation)
        await self._post(thread_id, _content(hive_rows.SELECTION, self.task, members), f"hive/{vote_id}/selection")
        return await self.selection(vote_id)

    async def share_skill(self, generation: int, name: str, summary: str = "", *, key: str | None = None) -> int:
        """Share a skill that was of use; returns the id of its message."""
        members = {"generation": generation, "name": one_line(name, TITLE_CHARS_MAX), "summary": summary}
        if not members["name"]:
            raise HiveError("A skill needs a name.")
        content = _content(hive_rows.SKILL, self.task, members)
        return (await self._post(await self.thread(generation), content, key)).id

    async def context(self) -> HiveContext:
        """Return what the hive knows: artifacts and skills as told, claims and selections as the host has them."""
        return await self._reads.context()

    async def _standing(self, generation: int) -> list[Selection]:
        """Return the selections of a generation that are open or have chosen."""
        found = [one for one in await self._reads.selections() if one.generation == generation]
        return [one for one in found if not one.closed or one.artifact_id is not None]

    async def _submit(self, thread_id: int, title: str) -> Sent:
        arguments = {
            "channel_id": await self._reads.channel_id(),
            "thread_id": thread_id,
            "parent_id": 0,
            "title": title,
            "body": "",
            "skill": "",
            "target": None,
            "failures_max": 3,
            "meta": None,
        }
        return await self._session.send(submit_task, arguments, _once())

    async def _post(self, thread_id: int, content: str, key: str | None) -> Sent:
        channel_id = await self._reads.channel_id()
        kind = MessageType.AGENT_EVENT
        return await self._session.post(channel_id, content, kind=kind, thread_id=thread_id, key=key)


def _once() -> str:
    """Return a key for one call: what a hive opens by the way must not take the keys of a handler's own sends."""
    return f"hive/{token_hex(16)}"


def _content(event: str, task: str, members: dict[str, Any]) -> str:
    content = json.dumps({"event": event, "task": task, **members}, ensure_ascii=False)
    if len(content) > CONTENT_CHARS_MAX:
        raise HiveError(f"{event} would have {len(content)} characters; an event holds {CONTENT_CHARS_MAX}.")
    return content
