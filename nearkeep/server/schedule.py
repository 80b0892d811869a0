"""How the tiers have things done later on a server: by its loop, and in threads beside it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from nearkeep.tiers.schedule import Schedule

Done = Callable[[Exception | None], object]


class LoopSchedule(Schedule):
    """By a loop of asyncio."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._thread = ThreadPoolExecutor(2, "nearkeep-disk")  # one syncs, one is SQLite's
        self._running: dict[Future[object], Done] = {}

    def soon(self, callback: Callable[[], object]) -> None:
        self._loop.call_soon(callback)

    def later(self, seconds: float, callback: Callable[[], object]) -> None:
        self._loop.call_later(seconds, callback)

    def aside(self, work: Callable[[], object], done: Done) -> None:
        future = self._thread.submit(work)
        self._running[future] = done
        future.add_done_callback(self._wake)

    def _wake(self, future: Future[object]) -> None:
        """Called in the other thread."""
        self._loop.call_soon_threadsafe(self._finish, future)

    def _finish(self, future: Future[object]) -> None:
        done = self._running.pop(future, None)
        if done is not None:  # else it was settled
            error = future.exception()
            assert error is None or isinstance(error, Exception)
            done(error)

    def settle(self) -> None:
        while self._running:
            future = next(iter(self._running))
            future.exception()  # waits
            self._finish(future)
