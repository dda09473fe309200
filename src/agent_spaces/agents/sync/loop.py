"""The event loop that agents run on, as other threads see it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, TypeVar

from agent_spaces.agents.errors import AgentError

T = TypeVar("T")
TWINS: dict[type[Any], Callable[[Any, "Loop"], Any]] = {}  # a class of the core -> its twin; filled by those modules


def core_of(twin: Any) -> Any:
    """Return the object that a twin stands for."""
    return twin._core  # noqa: SLF001 - twins are made here


class Loop:
    """Waits on another thread for what happens on the loop; what is sent keeps the keys of the caller's handler."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and return what it returns; AgentError on the loop's own thread."""
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if here is self._loop:
            work.close()
            raise AgentError("This would wait for itself: inside a coroutine use the agent without Sync.")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def do(self, work: Callable[[], T]) -> T:
        """Run a function on the loop's thread and return what it returns."""

        async def there() -> T:
            return work()

        return self.wait(there())

    def each(self, items: AsyncIterator[T]) -> Iterator[Any]:
        """Give what an async iterator gives, as twins."""
        done = object()

        async def following() -> T | object:
            try:
                return await anext(items)
            except StopAsyncIteration:
                return done

        while (item := self.wait(following())) is not done:
            yield self.twin(item)

    @contextmanager
    def entered(self, context: AbstractAsyncContextManager[T]) -> Iterator[Any]:
        """Hold an async context manager around a block; what it gives comes as a twin."""
        held = _Held(context)
        value = self.wait(held.enter())
        try:
            yield self.twin(value)
        except BaseException as error:
            self.wait(held.leave(error))
            raise
        self.wait(held.leave(None))

    def twin(self, value: Any) -> Any:
        """Return an object of the core as its twin; lists likewise, everything else as it is."""
        if isinstance(value, list):
            return [self.twin(item) for item in value]
        make = TWINS.get(type(value))
        return value if make is None else make(value, self)


class _Held:
    """An async context manager that one task of the loop enters and leaves, as it has to be."""

    def __init__(self, context: AbstractAsyncContextManager[Any]) -> None:
        self._context = context
        self._error: BaseException | None = None
        self._task: asyncio.Task[None] | None = None

    async def enter(self) -> Any:
        self._leaving = asyncio.Event()
        entered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        async def hold() -> None:
            try:
                async with self._context as value:
                    entered.set_result(value)
                    await self._leaving.wait()
                    if self._error is not None:
                        raise self._error  # noqa: TRY301 - what the block raised goes through the context manager
            except BaseException as error:
                if entered.done():
                    raise
                entered.set_exception(error)

        self._task = asyncio.create_task(hold())
        return await entered

    async def leave(self, error: BaseException | None) -> None:
        assert self._task is not None, "enter comes first"
        self._error = error if error is None or isinstance(error, Exception) else RuntimeError("interrupted")
        self._leaving.set()
        try:
            await self._task
        except Exception as raised:
            if raised is not self._error:
                raise


class LoopThread(Loop):
    """A loop that runs on a thread of its own until it is stopped."""

    def __init__(self) -> None:
        super().__init__(asyncio.new_event_loop())
        self._thread = threading.Thread(target=self._loop.run_forever, name="spaces-agents", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the loop and wait for its thread to end."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()
