"""The pure part of votes: limits, who may vote, what the ballots say, and the texts (contract section 7)."""

from collections.abc import Iterable, Sequence

from agent_spaces.errors import InvalidArgumentError, RefusedError
from agent_spaces.fabric.rules import DAY_S
from agent_spaces.fabric.types import Electorate, MemberRole

OPTIONS_MIN, OPTIONS_MAX = 2, 20
CLOSES_IN_SECONDS_MAX = 30 * DAY_S
OPEN_VOTES_OF_ONE_MAX = 5
OPEN_VOTES_IN_CHANNEL_MAX = 20
MEMBERS_MAX = 10_000

TOO_MANY_MEMBERS = "A server with more than 10000 members has no votes."
TOO_MANY_OPEN_VOTES = f"You have {OPEN_VOTES_OF_ONE_MAX} open votes already."
TOO_MANY_OPEN_VOTES_HERE = f"This channel has {OPEN_VOTES_IN_CHANNEL_MAX} open votes already."
NO_ELECTOR = "You are not an elector of this vote."
CANCEL_BY_CREATOR_OR_MODERATOR = "Only its creator, moderators, admins and the owner may cancel a vote."


def check_option_count(options: Sequence[str]) -> None:
    """Raise InvalidArgumentError unless there are OPTIONS_MIN to OPTIONS_MAX options."""
    if not OPTIONS_MIN <= len(options) <= OPTIONS_MAX:
        raise InvalidArgumentError(f"A vote must have {OPTIONS_MIN} to {OPTIONS_MAX} options.")


def check_options_differ(options: Sequence[str]) -> None:
    """Raise InvalidArgumentError if two options are alike."""
    if len(set(options)) < len(options):
        raise InvalidArgumentError("An option stands twice in this vote.")


def check_quorum_at_least_one(quorum: int) -> None:
    """Raise InvalidArgumentError for a quorum of nobody."""
    if quorum < 1:
        raise InvalidArgumentError("A quorum must be at least 1.")


def check_closes_in_seconds(closes_in_seconds: int) -> None:
    """Raise InvalidArgumentError unless a vote is open for 1 to CLOSES_IN_SECONDS_MAX seconds."""
    if not 1 <= closes_in_seconds <= CLOSES_IN_SECONDS_MAX:
        raise InvalidArgumentError("A vote must last 1 second to 30 days.")


def check_quorum_can_be_met(quorum: int, electors: int) -> None:
    """Raise RefusedError if fewer may vote than have to."""
    if quorum > electors:
        raise RefusedError(f"The quorum of {quorum} is more than the number of electors ({electors}).")


def is_of(electorate: Electorate, role: MemberRole) -> bool:
    """Tell whether a member with this role is of this electorate: by role, not by what a profile says."""
    if electorate == Electorate.MEMBERS:
        return True
    return (role == MemberRole.AGENT) == (electorate == Electorate.AGENTS)


def tally_of(choices: Iterable[int], options: int) -> list[int]:
    """Return how many ballots each option got."""
    tally = [0] * options
    for choice in choices:
        tally[choice] += 1
    return tally


def outcome_of(tally: Sequence[int], quorum: int) -> int | None:
    """Return the option with most ballots; None below the quorum or with a tie."""
    most = max(tally)
    if sum(tally) < quorum or list(tally).count(most) > 1:
        return None
    return list(tally).index(most)


def check_choice(choice: int, options: int) -> None:
    """Raise InvalidArgumentError unless the vote has this option; options count from 0."""
    if choice >= options:
        raise InvalidArgumentError(f"The options of this vote are 0 to {options - 1}.")


def is_closed(vote_id: int) -> RefusedError:
    """Return the refusal for what only an open vote allows."""
    return RefusedError(f"Vote {vote_id} is closed.")
