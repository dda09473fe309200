"""An address names a host and a database, and gives the places of both."""

import pytest

from agent_spaces.client import Address
from agent_spaces.client.errors import ClientError


@pytest.mark.parametrize("host", ["", "http://", "ftp://x", "http://x:99999", "http://x:port", "http://x:0"])
def test_what_is_no_address_is_refused(host: str) -> None:
    with pytest.raises(ClientError, match="no address of a host"):
        Address(host, "spaces")


def test_an_address_gives_the_places_of_a_database() -> None:
    address = Address("https://example.com/", "my db")

    assert address.of_database("schema?version=10") == "https://example.com/v1/database/my%20db/schema?version=10"
    assert address.http("identity") == "https://example.com/v1/identity"
    assert address.websocket == "wss://example.com/v1/database/my%20db/subscribe?compression=None"
    assert Address("localhost:3000", "x").base == "http://localhost:3000"
