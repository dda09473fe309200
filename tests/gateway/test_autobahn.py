"""The server side of our WebSocket passes Autobahn's cases."""

import kosoku
import pytest

from gateway.echo import echo_server

# Case, verdict, reason. Everything else must be plain OK.
DEVIATIONS = {
    "6.4.3": ("NON-STRICT", "invalid UTF-8 in a frame that is still arriving is noticed when the frame is whole"),
    "6.4.4": ("NON-STRICT", "the same, octet by octet"),
    "7.1.6": ("INFORMATIONAL", "a message behind a Close is not answered"),
    "7.13.1": ("INFORMATIONAL", "close codes above 4999 are refused with 1002"),
    "7.13.2": ("INFORMATIONAL", "the same"),
}
LEFT_OUT = [
    "12.*",  # permessage-deflate: never negotiated, SpacetimeDB has compression of its own
    "13.*",  # the same
    "9.*",  # sizes and speed: those below stand for them, the rest take seconds each
]
SIZES = ["9.1.1", "9.1.4", "9.2.1", "9.2.4", "9.3.5", "9.4.5", "9.5.4", "9.6.4"]


async def run(cases: list[str] | None, left_out: list[str] | None) -> list[kosoku._kosoku.CaseResult]:
    async with echo_server() as (port, _):
        try:
            return await kosoku.run_fuzzingclient(f"ws://127.0.0.1:{port}", cases, left_out, concurrency=8)
        except kosoku.FailureError as failure:
            return list(failure.results)


@pytest.mark.parametrize(("cases", "left_out", "count_min"), [(None, LEFT_OUT, 240), (SIZES, None, len(SIZES))])
async def test_autobahn_cases_pass_and_deviations_are_known(
    cases: list[str] | None, left_out: list[str] | None, count_min: int
) -> None:
    results = await run(cases, left_out)

    assert len(results) >= count_min
    verdicts = {result.case_id: (result.behavior.value, result.behavior_close.value) for result in results}
    expected = dict.fromkeys(verdicts, "OK") | {case: verdict for case, (verdict, _) in DEVIATIONS.items()}
    wrong = {
        case: verdict
        for case, verdict in verdicts.items()
        if verdict[0] not in ("OK", expected[case]) or verdict[1] not in ("OK", "INFORMATIONAL")
    }
    assert wrong == {}
