"""Where the sockets of one event loop read into."""

READ_BUFFER_BYTES = 256 << 10


class ReadBuffer:
    """Where all sockets of one event loop read into: what one of them brought is used up before the next is read.

    `held_bytes` is what all of them keep of messages that have not arrived whole.
    """

    def __init__(self) -> None:
        self.memory = memoryview(bytearray(READ_BUFFER_BYTES))
        self.held_bytes = 0
