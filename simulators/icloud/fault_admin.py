"""The pages by which tests script faults, shape the line and count requests; Apple has none of them."""

from dataclasses import dataclass

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.icloud.faults import Fault, Script
from simulators.icloud.kinds import KINDS
from simulators.icloud.line import Line
from simulators.icloud.signin import read_json
from simulators.icloud.traffic import Traffic

_KNOWN = {"any", "download", "other", *KINDS}


@dataclass(frozen=True)
class FaultPages:
    """The pages; a malformed request is answered 400 with a reason."""

    script: Script
    line: Line
    traffic: Traffic

    def routes(self) -> list[Route]:
        """Every page with its methods."""
        return [
            Route("/admin/faults", self.add, methods=["POST"]),
            Route("/admin/faults", self.show, methods=["GET"]),
            Route("/admin/faults", self.clear, methods=["DELETE"]),
            Route("/admin/line", self.set_line, methods=["POST"]),
            Route("/admin/line", self.show_line, methods=["GET"]),
            Route("/admin/requests", self.requests, methods=["GET"]),
            Route("/admin/requests", self.reset, methods=["POST"]),
        ]

    async def add(self, request: Request) -> Response:
        """Add a fault and name it."""
        try:
            fault = Fault.model_validate(await read_json(request))
        except ValidationError as error:
            first = error.errors()[0]
            return _refuse(f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
        if fault.kind not in _KNOWN:
            return _refuse(f"kind: {fault.kind} is none of {', '.join(sorted(_KNOWN))}")
        return JSONResponse({"id": self.script.add(fault)})

    async def show(self, _request: Request) -> Response:
        """Give every fault with how often it was asked for (`seen`) and struck (`fired`)."""
        return JSONResponse({"faults": [rule.as_json() for rule in self.script.rules]})

    async def clear(self, _request: Request) -> Response:
        """Forget every fault."""
        self.script.clear()
        return JSONResponse({"ok": True})

    async def set_line(self, request: Request) -> Response:
        """Set latency (ms) and bandwidth (Mbit/s); what is not named stays."""
        body = await read_json(request)
        for name in ("latency_ms", "mbit"):
            value = body.get(name, getattr(self.line, name))
            if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
                return _refuse(f"{name}: it takes a number from 0 on")
            setattr(self.line, name, value)
        return self._line()

    async def show_line(self, _request: Request) -> Response:
        """Give the line's latency and bandwidth."""
        return self._line()

    def _line(self) -> Response:
        return JSONResponse({"latency_ms": self.line.latency_ms, "mbit": self.line.mbit})

    async def requests(self, request: Request) -> Response:
        """Give the counters, and with `?log=1` the last exchanges."""
        told = self.traffic.as_json()
        if request.query_params.get("log") == "1":
            told["log"] = [exchange.as_json() for exchange in self.traffic.last]
        return JSONResponse(told)

    async def reset(self, request: Request) -> Response:
        """Begin to count anew."""
        if (await read_json(request)).get("reset") is True:
            self.traffic.reset()
        return JSONResponse({"ok": True})


def _refuse(reason: str) -> Response:
    return JSONResponse({"ok": False, "reason": reason}, status_code=400)
