"""How things are done later: by the loop on a server, step by step in a simulation."""

from collections.abc import Callable


class Schedule:
    """What the tiers ask of whoever runs them."""

    def soon(self, callback: Callable[[], object]) -> None:
        """Calls back when what is being done is done."""
        raise NotImplementedError

    def later(self, seconds: float, callback: Callable[[], object]) -> None:
        """Calls back after a while."""
        raise NotImplementedError

    def aside(self, work: Callable[[], object], done: Callable[[Exception | None], object]) -> None:
        """Does work in another thread, and calls back with its error."""
        raise NotImplementedError

    def settle(self) -> None:
        """Returns when all that was put aside is done and was called back."""
        raise NotImplementedError
