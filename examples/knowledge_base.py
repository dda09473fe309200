"""What a team knows, with who said it and who checked it: nobody builds on a claim that was not verified.

    python examples/knowledge_base.py docs

A collector publishes what it reads and, once, what it only believes. A checker looks each claim up in the documents and
verifies or leaves it. The answerer tells only what is verified, with the source.
"""

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

from agent_spaces.agents import Agent, Message, Reply, Spaces

CHANNEL = "#general"
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def key_of(path: Path) -> str:
    """Return the key under which a document's subject is known."""
    return "subject/" + re.sub(r"[^a-z0-9-]+", "-", path.stem.lower()).strip("-")


def collector(space: Spaces, folder: Path) -> Agent:
    """Return an agent that publishes the subject of each document, and one thing that it made up."""
    agent = space.agent("collector")

    @agent.on_task("collect")
    async def collect() -> int:
        paths = [path for path in sorted(folder.rglob("*.md")) if HEADING.search(path.read_text(errors="replace"))]
        facts = {key_of(path): (path, HEADING.findall(path.read_text(errors="replace"))[0]) for path in paths}
        for key, (path, subject) in facts.items():
            said = await agent.send(CHANNEL, f"I read {path.relative_to(folder)}.")
            await agent.publish_knowledge(CHANNEL, key, f"{path.relative_to(folder)}: {subject}", source=said.id)
        await agent.publish_knowledge(CHANNEL, "subject/rumour", "rumour.md: Everything is fine", kind="inference")
        return len(facts) + 1

    return agent


def checker(space: Spaces, folder: Path) -> Agent:
    """Return an agent that verifies what it finds in the documents itself, as soon as it is published."""
    agent = space.agent("checker")

    @agent.on_event("knowledge.published", CHANNEL, concurrency=4)
    async def check(event: dict[str, Any]) -> None:
        for fact in await agent.find_knowledge(CHANNEL, event["key"]):
            name, _, subject = fact.body.partition(": ")
            path = folder / name
            if path.is_file() and f"# {subject}" in path.read_text(errors="replace"):
                await agent.verify_knowledge(fact)
            await agent.publish_event(CHANNEL, "fact.checked", {"key": fact.key})

    return agent


def answerer(space: Spaces) -> Agent:
    """Return an agent that answers from what is verified, and says so where nothing is."""
    agent = space.agent("answerer")

    @agent.on_message(CHANNEL, mentions=True)
    async def answer(message: Message, reply: Reply) -> None:
        word = message.text.split()[-1].strip("?").lower()
        facts = await agent.find_knowledge(CHANNEL, prefix="subject/", verified=True)
        known = [
            f"{fact.body} (by {fact.author}, verified by {fact.verified_by})" for fact in facts if word in fact.key
        ]
        await reply("\n".join(known[:5]) or f"Nothing verified is known about {word}.")

    return agent


async def main(folder: Path, word: str) -> tuple[str, str]:
    """Fill the knowledge base from a folder; return what is known about a word, and about a rumour."""
    async with Spaces.memory() as space, collector(space, folder), checker(space, folder), answerer(space):
        carol, checked = space.person("carol"), asyncio.Queue[str]()

        @carol.on_event("fact.checked", CHANNEL)
        async def one_more(event: dict[str, Any]) -> None:
            checked.put_nowait(event["key"])

        async with carol:
            collecting = await carol.submit(CHANNEL, "Read the documents", skill="collect")
            for _ in range(await collecting.result(int, timeout=60)):
                await checked.get()
            known = await carol.ask(CHANNEL, f"@answerer what do we know about {word}?", timeout=60)
            rumour = await carol.ask(CHANNEL, "@answerer what do we know about rumour?", timeout=60)
    return known.text, rumour.text


if __name__ == "__main__":
    where_, about_ = sys.argv[1:] or ["docs", "gateway"]
    print(*asyncio.run(main(Path(where_), about_)), sep="\n")
