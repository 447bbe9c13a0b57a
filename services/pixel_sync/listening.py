"""Wakes the watch as soon as Syncthing tells of a change on the phone's side; a hint only, it judges nothing."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from shared.domain.errors import Permanent, Transient

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.pixel_sync.ports import PhonePort

log = structlog.get_logger()
_AT_MOST: Final = timedelta(minutes=1)
_PAUSE_S: Final = 5.0


async def listen(phone: PhonePort, wake: Callable[[], None]) -> None:
    """Wake at each change, for ever; while Syncthing is away, only the watch's own rhythm is left. Raises Fatal."""
    await phone_fits(phone)
    while True:
        try:
            if await phone.wait_for_change(_AT_MOST):
                wake()
        except (Transient, Permanent) as error:
            log.debug("Syncthing's events cannot be read now.", reason=str(error))
            await asyncio.sleep(_PAUSE_S)


async def phone_fits(phone: PhonePort) -> None:
    """Return once Syncthing was seen to be set up as it must be; Fatal when it is set up otherwise."""
    while True:
        try:
            return await phone.ready()
        except Transient:
            await asyncio.sleep(_PAUSE_S)
