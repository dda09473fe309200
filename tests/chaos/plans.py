"""The runs that are made: a good one, and one for each planted fault that needs real processes."""

from chaos.rig import Plan

FEW_ROLES = (("chat", "lists", "watch"), ("chat", "bank"))
PLANTED = {  # what may catch it
    "drop": {"C3", "C6"},
    "swap": {"C3", "C6"},
    "duplicate": {"C2", "C6"},
    "retry": {"C2"},
}


def SHORT(seed: int) -> Plan:  # noqa: N802 - reads as the constant it is, but for the seed
    """The run inside `make test`."""
    return Plan(seed, faults=("kill", "pause", "cut", "black hole", "stop client", "slice"), rest_seconds=0.4)


def planted_plan(name: str, seed: int) -> Plan:
    """A short run that gives a planted fault the chance to show."""
    match name:
        case "drop" | "swap":
            return Plan(
                seed,
                faults=("pause", "slice", "pause", "slice"),
                rest_seconds=1.0,
                roles=FEW_ROLES,
                host_plant=name,
                last_kill=False,
                needed={"pause": 1},
            )
        case "duplicate":
            fault, times = "cut", 3
        case _:
            fault, times = "lost answers", 4
    return Plan(
        seed,
        faults=(fault,) * times,
        rest_seconds=0.4,
        roles=FEW_ROLES,
        client_plant=name,
        last_kill=False,
        needed={fault: 1},
    )
