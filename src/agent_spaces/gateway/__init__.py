"""The HTTP and WebSocket doors, on one port."""
