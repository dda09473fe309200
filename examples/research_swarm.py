"""A research swarm over a folder of documents: one orchestrator, three researchers, one report.

    python examples/research_swarm.py docs durable visible reconnect

The orchestrator splits the question into a subtask for each term. Whichever researcher is free claims one, reads the
documents and tells the channel what it found, with sources and confidence; the orchestrator puts the answers together.
A model would take the place of `passages` and of `synthesis`; everything else stays.
"""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

from agent_spaces.agents import Agent, Progress, Spaces, Task

CHANNEL = "#general"
QUOTES_MAX = 3


@dataclass
class Findings:
    """What one researcher found about one term."""

    term: str
    sources: list[str]
    quotes: list[str]
    confidence: float


def passages(folder: Path, term: str) -> Findings:
    """Read every document and return where the term stands; the more documents have it, the surer."""
    documents = sorted(folder.rglob("*.md"))
    found: dict[str, str] = {}
    for document in documents:
        for line in document.read_text(errors="replace").splitlines():
            if term.lower() in line.lower():
                found.setdefault(str(document.relative_to(folder)), line.strip(" |-#")[:160])
    share = len(found) / len(documents) if documents else 0.0
    return Findings(term, list(found), list(found.values())[:QUOTES_MAX], round(share, 2))


def synthesis(parts: list[Findings]) -> str:
    """Put the findings together, the surest first."""
    lines = ["Report:"]
    for part in sorted(parts, key=lambda part: -part.confidence):
        lines.append(f"{part.term}: {len(part.sources)} documents, confidence {part.confidence:.0%}")
        lines += [f'  "{quote}"' for quote in part.quotes[:1]]
    return "\n".join(lines)


def researcher(space: Spaces, name: str, folder: Path) -> Agent:
    """Return an agent that researches one term at a time."""
    agent = space.agent(name, summary="Finds passages in documents")

    @agent.on_task("research", lease=60)
    async def research(data: str, task: Task, progress: Progress) -> Findings:
        await progress(f"reading about {data}")
        findings = await asyncio.to_thread(passages, folder, data)
        event = {"task": task.id, "sources": findings.sources[:10], "confidence": findings.confidence}
        await agent.publish_event(task.channel, "research_complete", event)
        return findings

    return agent


def orchestrator(space: Spaces) -> Agent:
    """Return an agent that splits a question, waits for the parts, and reports."""
    agent = space.agent("orchestrator", summary="Answers questions with the help of researchers")

    @agent.on_task("report", lease=60)
    async def report(data: list[str], task: Task) -> str:
        parts = [
            await task.submit(f"Research {term}", term, skill="research", key=task.key(f"research/{number}"))
            for number, term in enumerate(data)
        ]
        findings = [await part.result(Findings) for part in parts]
        text = synthesis(findings)
        await task.say(text)
        return text

    return agent


async def main(folder: Path, terms: list[str]) -> str:
    """Ask the swarm and return its report."""
    async with Spaces.memory() as space:
        researchers = [researcher(space, f"researcher-{number}", folder) for number in range(1, 4)]
        async with space.running(orchestrator(space), *researchers), space.person("carol") as carol:
            question = await carol.submit(CHANNEL, "What do the documents say?", terms, skill="report")
            return await question.result(str, timeout=100)


if __name__ == "__main__":
    where, *about = sys.argv[1:] or ["docs", "durable", "visible", "reconnect"]
    print(asyncio.run(main(Path(where), about)))
