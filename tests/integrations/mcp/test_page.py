"""What docs/how-to/mcp.md says is so: its commands run, its settings start a server that answers."""

import asyncio
import json
import os
import re
from pathlib import Path

from mcp import Client, StdioServerParameters

from agent_spaces.agents.tool_kit import Profile
from agent_spaces.agents.tools import tool_list
from agent_spaces.integrations.mcp.door import ANSWER_SECONDS
from agent_spaces.integrations.mcp.resources import TEMPLATES
from agent_spaces.testing.host import HostProcess
from integrations.mcp.conftest import SPACES

PAGE = (Path(__file__).parents[3] / "docs" / "how-to" / "mcp.md").read_text()


async def test_the_page_leads_to_a_server_that_answers(host: HostProcess, tmp_path: Path) -> None:
    path = f"{Path(SPACES).parent}{os.pathsep}{os.environ['PATH']}"
    env = {"HOME": str(tmp_path), "PATH": path, "SPACETIMEDB_HOST": host.url}
    [block] = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    [settings] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    done = await asyncio.create_subprocess_exec("sh", "-ec", block, env=env, cwd=tmp_path)
    assert await done.wait() == 0
    server = json.loads(settings)["mcpServers"]["spaces"]

    async with Client(StdioServerParameters(**server, env=env, cwd=tmp_path)) as client:
        me = await client.call_tool("spaces_inbox", {})
        prompts = (await client.list_prompts()).prompts

    assert not me.is_error
    assert [f"`{prompt.name}`" in PAGE for prompt in prompts] == [True]


def test_the_numbers_and_names_of_the_page_are_those_of_the_code() -> None:
    core: Profile = "core"

    assert len(tool_list(core)) == 8
    assert "the eight tools to talk" in PAGE
    assert f"up to {ANSWER_SECONDS:.0f} seconds" in PAGE
    assert all(f"`{uri.partition('{?')[0]}`" in PAGE for _, uri, _ in TEMPLATES)
