"""What needs a person, said once per change; it decides nothing and forgets nothing that still holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from shared.domain.events import Attention

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from shared.adapters.prometheus import Metrics
    from shared.ports.clock import Clock

log = structlog.get_logger()


class AttentionBook:
    """One service's open attention records; keys go out as `<service>:<key>`."""

    def __init__(
        self,
        service: str,
        tell: Callable[[Attention], Awaitable[None]],
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._service = service
        self._tell = tell
        self._clock = clock
        self._metrics = metrics
        self._open: dict[str, dict[str, str]] = {}
        self._told: dict[str, str] = {}
        self._count = 0

    async def raised(self, key: str, text: str, *, by: str = "") -> None:
        """Say that a person is needed, unless the same was said already; `by` is the part of the service that waits."""
        if key:
            self._open.setdefault(key, {})[by] = text
            if self._told.get(key) != text:
                self._told[key] = text
                self._metrics.attention.labels(key).set(1)
                log.warning(text, attention=key)
                await self._say(key, text, raised=True)

    async def cleared(self, key: str, *, by: str = "") -> None:
        """Say that no person is needed any more, once no part of the service waits for the same."""
        waiting = self._open.get(key, {})
        waiting.pop(by, None)
        if not waiting and key in self._told:
            del self._told[key]
            self._open.pop(key, None)
            self._metrics.attention.labels(key).set(0)
            log.info("This needs nobody any more.", attention=key)
            await self._say(key, "", raised=False)

    async def cleared_by(self, part: str) -> None:
        """Clear all that one part of the service had raised."""
        for key in [key for key, parts in self._open.items() if part in parts]:
            await self.cleared(key, by=part)

    async def forget_former_life(self) -> None:
        """Void what this service raised before it was started anew; what still holds is raised again."""
        await self._say("*", "", raised=False)

    async def _say(self, key: str, text: str, *, raised: bool) -> None:
        now = self._clock.now()
        self._count += 1
        await self._tell(
            Attention(
                id=f"attention:{self._service}:{key}:{now.timestamp():.6f}:{self._count}",
                at=now,
                key=f"{self._service}:{key}",
                text=text,
                raised=raised,
            )
        )
