"""The door's pages: they pass a sign-in's steps on and tell its state; no answer carries a password, code or token.

Every page but `/hello` wants the bearer token; bodies are JSON objects of at most 2 kB:

    GET  /hello?nonce=N       {"proof": ...}: that this is the door which wrote the token's file
    GET  /state               State
    POST /begin {"password"}  Step: what is wanted next, `wants` null when signed in
    POST /sms {"phone"}, /push {}, /code {"code"}, /cancel {}   the same
    4xx and 503               Refused: a sentence for the person, and which of the errors it is
"""

from __future__ import annotations

import asyncio
import json
import traceback
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import structlog
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.adapters.icloud_signin import SignIn, life_of
from shared.adapters.icloud_signin_errors import Throttled
from shared.adapters.icloud_signin_steps import PATIENCE, NoAttempt
from shared.domain.errors import Permanent, PhotoductError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from shared.adapters.icloud_settings import ICloudSettings
    from shared.adapters.icloud_signin_door import DoorPlace
    from shared.adapters.icloud_signin_steps import Wanted
    from shared.ports.clock import Clock

log = structlog.get_logger()
_BODY: Final = 2048
_NONCE: Final = 128
_FIELDS: Final = {"begin": "password", "sms": "phone", "code": "code"}
"""The steps that carry something, and what."""


class Unfit(Exception):
    """A request that no program of ours sends; `status` says how it is refused."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Door:
    """One sign-in at a time, step by step; a new one ends the one before."""

    def __init__(self, settings: ICloudSettings, place: DoorPlace, clock: Clock) -> None:
        self._settings = settings
        self._place = place
        self._clock = clock
        self._sign_in = SignIn(settings, clock)
        self._turn = asyncio.Lock()
        self._giving_up: asyncio.Task[None] | None = None

    def app(self) -> Starlette:
        """Return the pages."""
        steps = [
            Route(f"/{name}", self._guarded(self._step), methods=["POST"])
            for name in ("begin", "sms", "push", "code", "cancel")
        ]
        state = Route("/state", self._guarded(self._state), methods=["GET"])
        return Starlette(routes=[Route("/hello", self._hello, methods=["GET"]), state, *steps])

    async def close(self) -> None:
        """Give up what is under way."""
        if self._giving_up is not None:
            self._giving_up.cancel()
        self._sign_in.cancel()

    async def _hello(self, request: Request) -> Response:
        nonce = request.query_params.get("nonce", "")
        if not 16 <= len(nonce) <= _NONCE or not self._is_ours(request):
            return _refused(400, "This is no question for this door", "unfit")
        return JSONResponse({"proof": self._place.proof(nonce)})

    async def _state(self, _request: Request) -> Response:
        life, now = await asyncio.to_thread(life_of, self._settings), self._clock.now()
        until = self._sign_in.refused_until
        return JSONResponse(
            {
                "signed_in": life is not None and not life.ended,
                "apple_id": masked(self._settings.apple_id),
                "age_seconds": life and life.age(now),
                "days_left": life and life.days_left(now),
                "ends_at": life and life.ends_at.isoformat(),
                "ended": life.ended if life else "",
                "wants": _shown(self._sign_in.wanted),
                "refused_until": until and until.isoformat(),
            }
        )

    async def _step(self, request: Request) -> Response:
        name = request.url.path.removeprefix("/")
        given = await _given(request, _FIELDS.get(name))
        async with self._turn:
            wanted = await asyncio.to_thread(self._take, name, given)
        self._give_up_in_time(wanted)
        return JSONResponse({"wants": _shown(wanted)})

    def _take(self, name: str, given: str) -> Wanted | None:
        match name:
            case "begin":
                return self._sign_in.begin(given)
            case "sms":
                return self._sign_in.send_sms(given)
            case "push":
                return self._sign_in.push()
            case "code":
                return self._sign_in.confirm(given)
            case _:
                self._sign_in.cancel()
                return None

    def _give_up_in_time(self, wanted: Wanted | None) -> None:
        """Drop what a person left behind, although nobody asks for it any more."""
        if self._giving_up is not None:
            self._giving_up.cancel()
        self._giving_up = asyncio.create_task(self._give_up()) if wanted is not None else None

    async def _give_up(self) -> None:
        await asyncio.sleep(PATIENCE.total_seconds() + 1)
        async with self._turn:
            if self._sign_in.wanted is None:
                self._sign_in.cancel()

    def _guarded(
        self, page: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Let in who knows the token, and turn every failure into a sentence: never one that quotes a request."""

        async def guarded(request: Request) -> Response:
            if not self._is_ours(request):
                return _refused(403, "This door answers to its own address only", "unfit")
            if not self._place.opens_for(request.headers.get("authorization", "")):
                return _refused(401, "The token is not this door's", "unfit")
            try:
                return await page(request)
            except Unfit as error:
                return _refused(error.status, str(error), "unfit")
            except PhotoductError as error:
                return _told(error)
            except Exception as error:  # noqa: BLE001 - its text could quote what was typed
                return _unexpected(error)

        return guarded

    def _is_ours(self, request: Request) -> bool:
        """Keep out web pages: they come with a name of their own choice, or from somewhere."""
        own = self._place.address.removeprefix("http://")
        return request.headers.get("host") == own and "origin" not in request.headers


async def _given(request: Request, field: str | None) -> str:
    """Return the body's one text; '' where a step takes none. Raises Unfit."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise Unfit(415, "The body has to be JSON")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _BODY:
            raise Unfit(413, "The body is too long")
    try:
        found: Any = json.loads(body)
    except ValueError:
        raise Unfit(400, "The body has to be JSON") from None
    if field is None:
        return ""
    if not isinstance(found, dict) or not isinstance(text := found.get(field), str) or not text:
        raise Unfit(400, f"The body has to hold a text as {field}")
    return text


def masked(apple_id: str) -> str:
    """Return enough of an Apple Account's address for its owner to know it again."""
    name, at, domain = apple_id.partition("@")
    return f"{name[:1]}•••{at}{domain}" if apple_id else ""


def _shown(wanted: Wanted | None) -> dict[str, Any] | None:
    return None if wanted is None else asdict(wanted)


def _told(error: PhotoductError) -> Response:
    match error:
        case NoAttempt():
            return _refused(409, str(error), "no_attempt")
        case Permanent():
            return _refused(422, str(error), "permanent")
        case Throttled():
            wait = {"Retry-After": str(round(error.retry_after or 0))}
            return _refused(429, str(error), "transient", wait)
        case _:
            return _refused(503, str(error), "transient")


def _unexpected(error: Exception) -> Response:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    kind = type(error).__name__
    log.error("A sign-in failed unexpectedly.", kind=kind, where=f"{frame.filename}:{frame.lineno}")
    return _refused(500, f"The sign-in failed unexpectedly ({kind})", "transient")


def _refused(
    status: int, text: str, kind: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    return JSONResponse({"error": text, "kind": kind}, status_code=status, headers=headers)
