import json
from typing import Any

import pytest

from agent_spaces.sats import Identity
from agent_spaces.sats.bsatn import encoder
from agent_spaces.sats.identity import derive_identity
from agent_spaces.sats.json import to_json
from sats.vectors import GOLDEN

CASES = json.loads((GOLDEN / "identity.json").read_text())["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['iss']}|{case['sub']}"[:40])
def test_identities_are_derived_and_written_as_the_vectors_say(case: dict[str, Any]) -> None:
    identity = derive_identity(case["iss"], case["sub"])

    assert identity.hex() == case["identity_hex"]
    assert encoder(Identity)(identity).hex() == case["bsatn_hex"]
    assert to_json(Identity, identity, "named") == json.loads(case["sats_json"])


def test_issuer_and_subject_are_joined_without_escaping() -> None:
    assert derive_identity("a|b", "c") == derive_identity("a", "b|c")
