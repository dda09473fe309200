"""Arguments and cells: what a person writes reaches the host as it is meant, and comes back as one would say it."""

from typing import Any

import pytest

from agent_spaces.cli.values import arguments, readable, signature
from agent_spaces.client import UnknownNameError
from agent_spaces.fabric.module import SPACES
from agent_spaces.fabric.types import MessageType
from agent_spaces.sats import Identity, Timestamp
from agent_spaces.sats.json import from_json, to_json
from agent_spaces.sats.mapping import product_of, type_of
from agent_spaces.sats.types import AlgebraicType

IDENTITY = Identity.from_hex("c2" * 32)
PARAMETERS = product_of(SPACES.reducers["send_message"].parameters).elements


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (str, "build is green", "build is green"),
        (str, "42", "42"),
        (str, '"42"', "42"),
        (str, '"', '"'),
        (str | None, "null", None),
        (str | None, '"null"', "null"),
        (str | None, "x", "x"),
        (bool, "true", True),
        (list[str], '["a"]', ["a"]),
        (bytes, "00ff", b"\x00\xff"),
        (Identity, IDENTITY.hex(), IDENTITY),
        (Identity, f"0x{IDENTITY.hex()}", IDENTITY),
        (Timestamp, "1970-01-01T00:00:01Z", 1_000_000),
        (Timestamp, "5", 5),
        (MessageType, "agent_event", MessageType.AGENT_EVENT),
        (MessageType, "agentEvent", MessageType.AGENT_EVENT),
        (MessageType, '{"agentEvent": []}', MessageType.AGENT_EVENT),
    ],
)
def test_what_people_write_is_taken_as_they_mean_it(annotation: Any, text: str, value: Any) -> None:
    [parameter] = product_of([("given", annotation)]).elements

    [data] = arguments("reducer", [parameter], [text])

    assert from_json(annotation, data) == value


def test_what_is_left_out_at_the_end_is_its_default_or_none() -> None:
    values = arguments("send_message", PARAMETERS, ["1", "hi"], {"message_type": "text"})

    assert values == [1, "hi", {"text": []}, None, None, None, None]


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["1"], "content is missing. It takes: send_message(channel_id u64, content String, message_type text | "),
        (["one", "x"], "channel_id cannot be 'one': it is u64."),
        (["1", "x", "loud"], "message_type cannot be 'loud': it is text | system"),
        (["1"] * 8, "send_message takes 7 arguments, not 8. It takes: send_message("),
    ],
)
def test_what_cannot_be_meant_is_said_by_its_name_with_what_the_call_takes(texts: list[str], says: str) -> None:
    with pytest.raises(UnknownNameError) as refused:
        arguments("send_message", PARAMETERS, texts, {"message_type": "text"})

    assert str(refused.value).startswith(says)


def test_a_signature_says_each_parameter_with_its_type() -> None:
    assert signature("send_message", PARAMETERS[3:5]) == "send_message(thread_id u64 or null, reply_to_id u64 or null)"


@pytest.mark.parametrize(
    ("annotation", "value", "shown"),
    [
        (Identity, IDENTITY, IDENTITY.hex()),
        (Timestamp, Timestamp(1_000_000), "1970-01-01T00:00:01.000+00:00"),
        (Timestamp | None, None, None),
        (str | None, "x", "x"),
        (MessageType, MessageType.AGENT_EVENT, "agentEvent"),
        (list[Identity], [IDENTITY], [IDENTITY.hex()]),
        (bytes, b"\x00\xff", "00ff"),
    ],
)
def test_an_answers_values_are_shown_as_one_would_say_them(annotation: Any, value: Any, shown: Any) -> None:
    kind: AlgebraicType = type_of(annotation)

    assert readable(kind, to_json(annotation, value)) == shown
