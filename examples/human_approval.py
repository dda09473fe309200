"""An agent that asks a person before it acts, and does nothing where nobody answers.

    python examples/human_approval.py

The question outlives the agent: while it waits the task has no lease, and after a crash the next run finds the answer.
Silence is no consent: what is not answered in time is not done. A terminal, a web page or a phone takes carol's place.
"""

import asyncio

from agent_spaces.agents import Agent, Item, NoAnswerError, Spaces, Task

CHANNEL = "#general"
PATIENCE_SECONDS = 0.5


def deployer(space: Spaces, deployed: list[str]) -> Agent:
    """Return an agent that deploys what a person has approved."""
    agent = space.agent("deployer", summary="Deploys releases that a person has approved")

    @agent.on_task("deploy", lease=60)
    async def deploy(data: str, task: Task) -> str:
        answer = await task.ask(f"Deploy {data} to production?", human_only=True)
        if answer.lower() not in ("y", "yes"):
            return f"{data} was not deployed: {answer}"
        deployed.append(data)
        return f"{data} is deployed"

    @agent.on_task("hotfix", lease=60)
    async def hotfix(data: str, task: Task) -> str:
        try:
            answer = await agent.ask("@dave", f"Hotfix {data} now?", timeout=PATIENCE_SECONDS, key=task.key("approval"))
        except NoAnswerError:
            return f"{data} was not deployed: nobody answered"
        deployed.append(data)
        return f"{data} is deployed, approved by {answer.author}"

    return agent


def carol_at_her_desk(space: Spaces) -> Agent:
    """Return a person who looks at what she is asked and approves even numbers."""
    carol = space.person("carol")

    @carol.on_inbox("task_input_required")
    async def decide(item: Item) -> None:
        assert item.task_id is not None
        asked = carol.task(item.task_id)
        question = await asked.question(timeout=30)
        if question is not None:
            await asked.provide_input("yes" if "v2" in question else "too early")

    return carol


async def main() -> tuple[list[str], list[str]]:
    """Ask for three deployments; return what was answered and what was deployed."""
    deployed: list[str] = []
    async with Spaces.memory() as space:
        carol = carol_at_her_desk(space)
        async with carol, space.person("dave"), deployer(space, deployed):
            wanted = [
                await carol.submit(CHANNEL, "Deploy v1", "v1", skill="deploy"),
                await carol.submit(CHANNEL, "Deploy v2", "v2", skill="deploy"),
                await carol.submit(CHANNEL, "Hotfix v3", "v3", skill="hotfix"),
            ]
            answers = [await task.result(str, timeout=60) for task in wanted]
    return answers, deployed


if __name__ == "__main__":
    for answer_ in asyncio.run(main())[0]:
        print(answer_)
