"""What `/metrics` counts, in a registry of its own."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest


class GatewayMetrics:
    """Counters of the front; `gauge` adds figures that others know."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.sockets_opened = Counter("spaces_sockets_opened", "WebSockets opened", registry=self.registry)
        self.sockets_ended = Counter(
            "spaces_sockets_ended", "WebSockets ended, by reason", ["reason"], registry=self.registry
        )
        self.requests = Counter(
            "spaces_http_requests", "HTTP requests answered", ["method", "status"], registry=self.registry
        )

    def gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Add a figure that is asked for whenever the metrics are read."""
        Gauge(name, text, registry=self.registry).set_function(read)

    def text(self) -> bytes:
        """Return all figures in Prometheus's text format."""
        return generate_latest(self.registry)
