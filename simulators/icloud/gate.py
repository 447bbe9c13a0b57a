"""Stands before every page: counts, lets latency pass, and does what is scripted to whole requests."""

import asyncio
import json
import socket
import struct
import time
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any, get_args
from urllib.parse import parse_qs

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulators.icloud.download_urls import record_of
from simulators.icloud.faults import Fault, Request, Script, with_assets
from simulators.icloud.kinds import request_kind
from simulators.icloud.line import Line
from simulators.icloud.records import Json
from simulators.icloud.setup_pages import no_session
from simulators.icloud.traffic import Exchange, Traffic
from simulators.icloud.world import World

DOES = frozenset(get_args(Request))
# What Apple sends, with status 200, to a download that it refuses: 17 bytes.
ERROR_BODY = "Invalid signature"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Gate:
    """The outermost application."""

    app: ASGIApp
    world: World
    line: Line
    script: Script
    traffic: Traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        exchange = _exchange(scope)
        self.traffic.begin(exchange)
        try:
            await self._pass(exchange, scope, receive, self._counted(exchange, send))
        finally:
            exchange.seconds = time.monotonic() - exchange.at
            self.traffic.end(exchange)

    def _counted(self, exchange: Exchange, send: Send) -> Send:
        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
            size = len(message.get("body", b""))
            await send(message)
            exchange.bytes += size
            self.traffic.bytes += size if exchange.kind == "download" else 0

        return counted

    async def _pass(self, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
        if exchange.kind == "admin":
            return await self.app(scope, receive, send)
        scope["exchange"] = exchange
        await self.line.wait()
        names: set[str] = set()
        if self.script.needs_names(exchange.kind):
            body = await _body(receive)
            receive = _again(body, receive)
            names = with_assets(self.script, self.world, _named(exchange, body))
        fault = self.script.strike(exchange.kind, names, DOES)
        if fault is None:
            return await self.app(scope, receive, send)
        exchange.fault = fault.do
        return await self._strike(fault, scope, receive, send)

    async def _strike(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        match fault.do:
            case "delay":
                await asyncio.sleep(fault.seconds or 0)
                await self.app(scope, receive, send)
            case "close":
                _reset(scope)
            case "lost":
                await self.app(scope, receive, _swallow)
                _reset(scope)
            case _:
                await _answer(fault)(scope, receive, send)


def _answer(fault: Fault) -> Response:
    after = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    match fault.do:
        case "throttled":
            return JSONResponse(_throttled(fault))
        case "signed_out":
            return no_session()
        case "expired":
            return PlainTextResponse("Gone", status_code=410)
        case "error_body":
            return PlainTextResponse(ERROR_BODY)
        case "not_json":
            return PlainTextResponse("<html><body>Temporarily unavailable</body></html>")
        case _:
            return PlainTextResponse(fault.body, status_code=fault.status, headers=after)


def _throttled(fault: Fault) -> dict[str, Json]:
    code = fault.code if "code" in fault.model_fields_set else "THROTTLED"
    told: dict[str, Json] = {"serverErrorCode": code, "reason": "throttled", "uuid": "simulated"}
    after = str(fault.retry_after)
    return {**told, "retryAfter": int(after)} if after.isdigit() else told


def _reset(scope: Scope) -> None:
    """Break the connection off; without one, as in a test within one process, raise instead."""
    transport = scope.get("state", {}).get("transport")
    if not isinstance(transport, asyncio.Transport):
        raise ConnectionResetError("the connection was reset")
    transport.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE
    )
    transport.abort()


async def _swallow(_message: MutableMapping[str, Any]) -> None:
    """Let an answer be lost."""


def _exchange(scope: Scope) -> Exchange:
    kind = request_kind(scope["path"])
    headers = {name: value for name, value in scope["headers"] if name == b"range"}
    opaque = parse_qs(scope["query_string"].decode("latin-1")).get("o", [""])[0]
    record = record_of(opaque) if kind == "download" else ""
    return Exchange(time.monotonic(), kind, record, headers.get(b"range", b"").decode("latin-1"))


def _named(exchange: Exchange, body: bytes) -> set[str]:
    """Name the records that a request is about."""
    if exchange.record:
        return {exchange.record}
    try:
        asked = json.loads(body or b"null")
    except ValueError:
        return set()
    found = asked if isinstance(asked, dict) else {}
    operations = [item.get("record") for item in _objects(found.get("operations"))]
    both = [*_objects(found.get("records")), *_objects(operations)]
    return {str(record.get("recordName")) for record in both}


def _objects(raw: Any) -> list[dict[str, Any]]:
    return [item for item in raw if isinstance(item, dict)] if isinstance(raw, list) else []


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


def _again(body: bytes, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again
