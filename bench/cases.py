"""What is measured: who sends how much to whom."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Chat:
    """Senders with calls in flight and subscribers; spread over channels by their number.

    `better` is the figure that the ratio to the prototype is taken of; for times a ratio below 1 is the better one.
    """

    says: str
    senders: int
    subscribers: int
    channels: int
    depth: int
    rate: int = 0
    keyed: bool = False
    direct: bool = False
    better: str = "tx_s"
    goal: float | None = None

    def options(self) -> list[str]:
        """Return the generator's arguments."""
        given = {
            "-s": self.senders,
            "-c": self.senders + self.subscribers,
            "-k": self.channels,
            "-d": self.depth,
            "-n": TEXT_BYTES,
        }
        words = [word for flag, value in given.items() for word in (flag, str(value))]
        if self.rate:
            words += ["-r", str(self.rate)]
        return words + (["-K"] if self.keyed else []) + (["-m", "dm"] if self.direct else [])


TEXT_BYTES = 80
_OWN = Chat("50 senders, 50 channels, 1 subscriber each, 24 calls in flight", 50, 50, 50, 24, goal=0.8)
_CH100 = Chat("50 senders, 1 channel, 100 subscribers, 12 calls in flight", 50, 100, 1, 12, goal=0.9)

CHATS = {
    "own": _OWN,
    "own+key": replace(_OWN, says=f"{_OWN.says}, a fresh client key on every call", keyed=True),
    "ch100": _CH100,
    "ch1000": Chat("50 senders, 1 channel, 1000 subscribers, 4 calls in flight", 50, 1000, 1, 4, goal=0.9),
    "mix": Chat("200 senders, 100 channels, 10 subscribers each, 4 calls in flight", 200, 1000, 100, 4, goal=0.8),
    "solo": Chat("1 sender, 1 subscriber, 1 call in flight", 1, 1, 1, 1, better="ack_p50_ms", goal=1.3),
    "rate-own": replace(_OWN, says="own at 5,000 calls a second", rate=5000, better="cpu_us_tx", goal=None),
    "rate-ch100": replace(_CH100, says="ch100 at 1,000 calls a second", rate=1000, better="cpu_us_tx", goal=None),
    "dm": Chat("50 pairs, direct messages, 24 in flight", 50, 50, 1, 24, direct=True),
}
