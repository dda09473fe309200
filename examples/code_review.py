"""A code review by three agents with different eyes, and a vote on what they saw.

    python examples/code_review.py src/agent_spaces/agents

Every reviewer reads every file, says what it finds, and votes as its findings tell it to. Two of three decide.
"""

import ast
import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from agent_spaces.agents import Agent, Outcome, Spaces, Vote

CHANNEL = "#general"
Check = Callable[[Path, ast.Module], Iterator[str]]
FUNCTION_LINES_MAX = 70


def undocumented(path: Path, tree: ast.Module) -> Iterator[str]:
    """Yield public functions and classes without a docstring."""
    for node in tree.body:
        public = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name[0] != "_"
        if public and not ast.get_docstring(node):  # type: ignore[arg-type]
            yield f"{path.name}:{node.lineno} has no docstring"


def long_functions(path: Path, tree: ast.Module) -> Iterator[str]:
    """Yield functions that are too long to be read at a glance."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield f"{path.name}:{node.lineno} {node.name} has {lines} lines"


def swallowed(path: Path, tree: ast.Module) -> Iterator[str]:
    """Yield `except` clauses that hide whatever happened."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and isinstance(node.body[0], ast.Pass):
            hidden = "everything" if node.type is None else ast.unparse(node.type)
            if hidden in ("everything", "Exception", "BaseException"):
                yield f"{path.name}:{node.lineno} hides every exception"


EYES: dict[str, Check] = {"docs": undocumented, "length": long_functions, "errors": swallowed}


def reviewer(space: Spaces, skill: str, check: Check) -> Agent:
    """Return an agent that reviews files with one check and votes by what it has found."""
    agent = space.agent(f"{skill}-reviewer", summary=f"Reviews Python files: {skill}")
    found: list[str] = []

    @agent.on_task(skill)
    def review(data: list[str]) -> list[str]:
        for path in map(Path, data):
            found.extend(check(path, ast.parse(path.read_text())))
        return found

    @agent.on_vote(CHANNEL)
    async def judge(vote: Vote) -> str:
        return vote.options[1 if found else 0]

    return agent


async def main(folder: Path) -> tuple[Outcome, dict[str, list[str]]]:
    """Let the reviewers read the folder and vote; return the outcome and the findings."""
    files = [str(path) for path in sorted(folder.rglob("*.py"))]
    async with Spaces.memory() as space:
        reviewers = [reviewer(space, skill, check) for skill, check in EYES.items()]
        async with space.running(*reviewers), space.person("carol") as carol:
            reviews = {skill: await carol.submit(CHANNEL, f"Review {skill}", files, skill=skill) for skill in EYES}
            findings = {skill: await review.result(list[str], timeout=60) for skill, review in reviews.items()}
            vote = await carol.vote(CHANNEL, "Merge?", ["merge", "change"], quorum=2, electorate="agents", closes_in=60)
            outcome = await vote.outcome(timeout=60)
            await carol.send(CHANNEL, f"The reviewers say: {outcome.choice} ({outcome.tally}).")
    return outcome, findings


if __name__ == "__main__":
    decided, seen = asyncio.run(main(Path((sys.argv[1:] or ["src/agent_spaces/agents"])[0])))
    for skill_, lines_ in seen.items():
        print(f"{skill_}: {len(lines_)} findings", *lines_[:5], sep="\n  ")
    print(f"Outcome: {decided.choice} {decided.tally}")
