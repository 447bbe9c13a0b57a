"""The pages under /admin for time and account: what a test turns; Apple has none of them."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.icloud.clock import SimClock
from simulators.icloud.records import Json
from simulators.icloud.signin import read_json


@dataclass(frozen=True)
class ClockPages:
    """GET /admin/clock shows the simulated time, POST {"advance_seconds"} lets time pass."""

    clock: SimClock

    def routes(self) -> list[Route]:
        """Every page with its method."""
        return [
            Route("/admin/clock", self.show),
            Route("/admin/clock", self.advance, methods=["POST"]),
        ]

    async def show(self, _request: Request) -> Response:
        """Give the time in epoch milliseconds and how far it is ahead of the machine's."""
        return JSONResponse({"now": self.clock(), "offset_seconds": self.clock.offset_ms / 1000})

    async def advance(self, request: Request) -> Response:
        """Let time pass: 400 with a reason when it cannot."""
        seconds = (await read_json(request)).get("advance_seconds")
        try:
            self.clock.advance(_number(seconds))
        except ValueError as error:
            return JSONResponse({"ok": False, "reason": str(error)}, status_code=400)
        return await self.show(request)


def _number(value: Json) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("advance_seconds has to be a number")
    return float(value)
