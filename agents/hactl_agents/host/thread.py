"""A call in a thread of its own, so that a daemon that does not answer cannot hold us."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Task:
    """A call under way in a thread of its own."""

    def __init__(self, function: "Callable[..., Any]", args: "tuple[Any, ...]") -> None:
        import _thread

        self.outcome: list[Any] = []
        self.ended = _thread.allocate_lock()
        self.ended.acquire()
        _thread.start_new_thread(self.work, (function, args))

    def work(self, function: "Callable[..., Any]", args: "tuple[Any, ...]") -> None:
        try:
            self.outcome = [True, function(*args)]
        except BaseException as exc:
            self.outcome = [False, exc]
        self.ended.release()

    def finished(self, within: "float | None") -> bool:
        """Wait up to ``within`` seconds (None: as long as it takes); True once it has ended."""
        if not self.outcome and self.ended.acquire(timeout=-1 if within is None else within):
            self.ended.release()
        return bool(self.outcome)

    def result(self) -> "Any":
        """What a finished call returned; raises what it raised."""
        good, value = self.outcome
        if not good:
            raise value
        return value
