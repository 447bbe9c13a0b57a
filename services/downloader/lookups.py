"""Looks assets up together, with their originals: what is wanted at about the same time costs two requests, not two each."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from shared.domain.errors import PhotoductError
from shared.domain.icloud_records import master_name
from shared.ports.icloud import Declined, LookedUp, Unanswered, WholeAsset

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from services.downloader.ports import ReadRecords
    from shared.ports.icloud import Json

_Read = TypeVar("_Read")
TOGETHER: Final = 100
LONGEST: Final = 2.0
"""Seconds that a name waits for others while nobody is in need of it."""
_MOMENT: Final = 0.015
"""Seconds in which all ask who are about to: the tasks that a lane takes at once do not come at once."""
_LOOK_AGAIN: Final = 0.05
_PAUSES: Final = (0.2, 0.8)
_BAD_NAME: Final = frozenset({"BAD_REQUEST", "400"})
_HALF: Final = TOGETHER // 2


async def look_up(records: ReadRecords, names: Sequence[str]) -> LookedUp:
    """Look up records; a name for which iCloud declines the whole request costs no other name.

    Raises Waiting, Unanswered, and Declined when it is not about a name.
    """
    try:
        return await records.lookup(names)
    except Declined as error:
        if error.code not in _BAD_NAME:
            raise
        if len(names) <= 1:
            return LookedUp(failed=dict.fromkeys(names, str(error)))
        if len(names) > _HALF and not await _any_is_taken(records, names):
            raise  # it is not the names
        return await _halves(records, names)


async def _any_is_taken(records: ReadRecords, names: Sequence[str]) -> bool:
    """Ask for three names alone: halving what is declined whatever its names are would cost two requests a name."""
    for name in (names[0], names[len(names) // 2], names[-1]):
        alone = await look_up(records, [name])
        if not alone.failed:
            return True
    return False


async def _halves(records: ReadRecords, names: Sequence[str]) -> LookedUp:
    middle = len(names) // 2
    one, two = [await look_up(records, part) for part in (names[:middle], names[middle:])]
    return LookedUp(
        {**one.found, **two.found}, one.missing | two.missing, {**one.failed, **two.failed}
    )


async def look_up_patiently(
    records: ReadRecords,
    names: Sequence[str],
    pauses: Sequence[float],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> LookedUp:
    """Look records up; what iCloud did not answer is asked again after each of the pauses (seconds). Errors as of `look_up`."""
    found: dict[str, Json] = {}
    missing: set[str] = set()
    failed = dict.fromkeys(names, "")
    for pause in (*pauses, None):
        try:
            answer = await look_up(records, list(failed))
        except Unanswered:
            if pause is None:
                raise
        else:
            found |= dict(answer.found)
            missing |= answer.missing
            failed = dict(answer.failed)
        if not failed or pause is None:
            break
        await sleep(pause)
    return LookedUp(found, frozenset(missing), failed)


class Lookups(Generic[_Read]):
    """The look-ups of one zone; `hungry` says whether somebody could begin a download if only he knew its address.

    `read` makes of an answer, at once, what everybody gets who asked for it.
    """

    def __init__(
        self,
        records: ReadRecords,
        hungry: Callable[[], bool],
        read: Callable[[str, WholeAsset], _Read],
    ) -> None:
        self._records = records
        self._hungry = hungry
        self._read = read
        self._wanted: dict[str, asyncio.Future[_Read]] = {}
        self._asked: dict[str, asyncio.Future[_Read]] = {}
        self._urgent = False
        self._working: asyncio.Task[None] | None = None

    async def whole(self, name: str, *, urgent: bool = True) -> _Read:
        """Return what an asset and its master are now; what is not `urgent` waits for company.

        Raises Declined when iCloud does not say; Waiting and Unanswered when the question as a whole failed.
        """
        answer = self._asked.get(name) or self._wanted.get(name)
        if answer is None:
            answer = self._wanted[name] = asyncio.get_running_loop().create_future()
            answer.add_done_callback(_seen)
        self._urgent = self._urgent or urgent
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        return await asyncio.shield(answer)

    async def _work(self) -> None:
        while self._wanted:
            await self._company()
            names = list(self._wanted)[:TOGETHER]
            self._urgent = len(self._wanted) > TOGETHER
            self._asked = {name: self._wanted.pop(name) for name in names}
            try:
                await self._answer(names)
            except PhotoductError as error:
                self._fail(error)
            except BaseException:
                self._fail(asyncio.CancelledError())
                raise
            self._asked = {}

    async def _company(self) -> None:
        until = asyncio.get_running_loop().time() + LONGEST
        await asyncio.sleep(_MOMENT)
        while not (self._urgent or len(self._wanted) >= TOGETHER or self._hungry()):
            if asyncio.get_running_loop().time() >= until:
                break
            await asyncio.sleep(_LOOK_AGAIN)

    async def _answer(self, names: Sequence[str]) -> None:
        assets = await look_up_patiently(self._records, names, _PAUSES)
        wanted = sorted({master_name(one) for one in assets.found.values()} - {""})
        masters = await look_up_patiently(self._records, wanted, _PAUSES) if wanted else LookedUp()
        for name, future in self._asked.items():
            if future.done():
                continue
            asset = assets.found.get(name)
            master = master_name(asset) if asset else ""
            failed = assets.failed.get(name) or masters.failed.get(master)
            if failed:
                future.set_exception(Declined(failed, code="LOOKUP"))
            else:
                whole = WholeAsset(asset, masters.found.get(master))
                future.set_result(self._read(name, whole))

    def _fail(self, error: BaseException) -> None:
        for future in self._asked.values():
            if future.done():
                continue
            if isinstance(error, asyncio.CancelledError):
                future.cancel()
            else:
                future.set_exception(error)


def _seen(answer: asyncio.Future[_Read]) -> None:
    if not answer.cancelled():
        answer.exception()  # seen, even when everybody who asked was cancelled
