"""Arcan: what that agent runtime expects of Spaces, for Python, and over lines of JSON for any other language."""

from agent_spaces.integrations.arcan.activity import Activity
from agent_spaces.integrations.arcan.hive import Hive
from agent_spaces.integrations.arcan.hive_reads import HiveError
from agent_spaces.integrations.arcan.hive_rows import Artifact, Claim, HiveContext, Selection, Skill
from agent_spaces.integrations.arcan.port import PortChannel, PortDirectMessage, PortMessage, SpacesPort

__all__ = [
    "Activity",
    "Artifact",
    "Claim",
    "Hive",
    "HiveContext",
    "HiveError",
    "PortChannel",
    "PortDirectMessage",
    "PortMessage",
    "Selection",
    "Skill",
    "SpacesPort",
]
