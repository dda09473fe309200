"""Coming in: an identity of one's own, a name, a card."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent_spaces.agents.errors import AgentError
from agent_spaces.agents.session import Session, open_connection
from agent_spaces.client import ReducerFailedError
from agent_spaces.fabric import queries
from agent_spaces.fabric.reducers.users import register_user, set_agent_card
from agent_spaces.fabric.tables import UserProfile
from agent_spaces.logs import get_logger

if TYPE_CHECKING:
    from agent_spaces.agents.space import Spaces

_log = get_logger("agents")


@dataclass(frozen=True, slots=True)
class Card:
    """Who an agent says it is; a person (is_agent false) has no skills."""

    name: str
    skills: tuple[str, ...] = ()
    summary: str = ""
    url: str | None = None
    display_name: str | None = None
    is_agent: bool = True
    is_owner: bool = False  # the owner of the database has a name already


async def enrol(space: "Spaces", card: Card, token: str | None) -> Session:
    """Return a session as the card's identity, which is made, named and saved at its first start.

    The space is entered with it: who ends the session leaves the space. AgentError if the name is somebody else's.
    """
    await space.enter()
    try:
        if token is None:
            token = space.tokens.load(card.name)
        if token is None:
            identity, token = await space.new_identity()
            space.tokens.save(card.name, identity, token)
        connection = await open_connection(space.address, token, space.options)
        try:
            session = Session(connection)
            if not card.is_owner:
                await _register(session, card)
        except BaseException:
            await connection.close()
            raise
    except BaseException:
        await space.leave()
        raise
    return session


async def _register(session: Session, card: Card) -> None:
    found: list[UserProfile] = await session.rows(queries.profile_of(session.me))
    if not found or (card.is_agent and not found[0].is_agent):
        try:
            await session.settle(register_user, card.name, card.display_name, card.is_agent)
        except ReducerFailedError as refusal:
            raise AgentError(f"{card.name} cannot come in under this name: {refusal.text}") from None
    elif found[0].username != card.name:
        _log.info("agent.renamed", name=card.name, username=found[0].username)
    if not card.is_agent:
        return
    summary = card.summary or card.display_name or card.name
    cards = await session.rows(f"SELECT * FROM agent_card WHERE identity = 0x{session.me.hex()}")
    if not cards or (cards[0].summary, tuple(cards[0].skills), cards[0].url) != (summary, card.skills, card.url):
        await session.settle(set_agent_card, summary, list(card.skills), card.url)
