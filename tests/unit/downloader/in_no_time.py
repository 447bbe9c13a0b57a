"""Runs a test whose waits take no time: its clock stands while something is done, and jumps to the next alarm when nothing is."""

from __future__ import annotations

import asyncio
from functools import wraps
from typing import TYPE_CHECKING, Any

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


class _Jumping(asyncio.SelectorEventLoop):
    """Not for what other threads or processes do: they need the time of this world."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._really = self._selector.select  # type: ignore[attr-defined]
        self._selector.select = self._wait  # type: ignore[attr-defined]

    @override
    def time(self) -> float:
        return self._now

    def _wait(self, seconds: float | None = None) -> Any:
        if seconds is None:
            return self._really(None)
        found = self._really(0)
        if seconds > 0 and not found:
            self._now = self._scheduled[0].when()  # type: ignore[attr-defined]
        return found


def in_no_time(
    test: Callable[..., Coroutine[Any, Any, None]],
) -> Callable[..., None]:
    """Run an `async def` test so."""

    @wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        with asyncio.Runner(loop_factory=_Jumping) as runner:
            runner.run(test(*arguments, **named))

    return run
