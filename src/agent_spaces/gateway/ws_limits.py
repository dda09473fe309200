"""What one WebSocket may hold and how long it may be silent."""

from dataclasses import dataclass

from agent_spaces.config import HostConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class SocketLimits:
    """Sizes in bytes, times in seconds; config.HostConfig says what each is for."""

    message_bytes_max: int = 32 * 2**20
    partial_bytes_max: int = 512 * 2**20
    outgoing_messages_max: int = 16_384
    outgoing_bytes_max: int = 8 * 2**20
    ping_interval_s: float = 15.0
    idle_timeout_s: float = 30.0
    close_timeout_s: float = 1.0

    @classmethod
    def of(cls, config: HostConfig) -> "SocketLimits":
        """Take the limits from the host's settings."""
        return cls(**{name: getattr(config, name) for name in cls.__slots__})
