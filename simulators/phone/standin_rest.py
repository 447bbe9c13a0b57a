"""Answers the part of Syncthing's REST interface that photoduct asks, in Syncthing's own JSON forms."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from simulators.phone.pair import FOLDER_ID
from simulators.phone.standin_disks import MarkerMissingError
from simulators.phone.standin_index import Side, as_json, go_time

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from simulators.phone.standin import StandInPair

    Handler = Callable[[StandInPair, Request], Awaitable[Response]]

_NANO = 1_000_000_000


def rest_routes(pair: StandInPair) -> list[Route]:
    """Answer all routes, each behind the API key."""
    return [
        Route(f"/rest/{path}", _guarded(pair, handler), methods=[method])
        for method, path, handler in _TABLE
    ]


def _guarded(pair: StandInPair, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        if request.headers.get("x-api-key") != pair.api_key:
            return PlainTextResponse("CSRF Error\n", 403)
        is_about_a_folder = "/db/" in request.url.path
        if is_about_a_folder and request.query_params.get("folder") != FOLDER_ID:
            status = 500 if request.method == "POST" else 404
            return PlainTextResponse("no such folder\n", status)
        return await handler(pair, request)

    return answer


async def _ping(_pair: StandInPair, _: Request) -> Response:
    return JSONResponse({"ping": "pong"})


async def _status(pair: StandInPair, _: Request) -> Response:
    return JSONResponse(
        {
            "myID": pair.server_id,
            "startTime": go_time(int(pair.started_at) * _NANO),
            "uptime": int(time.time() - pair.started_at),
        }
    )


async def _connections(pair: StandInPair, _: Request) -> Response:
    link = {"connected": pair.online, "paused": False, "clientVersion": "v1.29.5"}
    return JSONResponse(
        {
            "connections": {
                pair.server_id: {"connected": False, "paused": False, "clientVersion": ""},
                pair.phone_id: link,
            },
            "total": {},
        }
    )


async def _device_stats(pair: StandInPair, _: Request) -> Response:
    seen = go_time(int(pair.last_seen) * _NANO)
    return JSONResponse(
        {
            pair.server_id: {"lastSeen": go_time(0), "lastConnectionDurationS": 0},
            pair.phone_id: {"lastSeen": seen, "lastConnectionDurationS": 0},
        }
    )


def _folder_json(pair: StandInPair) -> dict[str, Any]:
    return {
        "id": FOLDER_ID,
        "label": FOLDER_ID,
        "path": str(pair.server_folder),
        "type": "sendonly",
        "devices": [{"deviceID": pair.server_id}, {"deviceID": pair.phone_id}],
        "fsWatcherEnabled": False,
        "autoNormalize": False,
        "ignoreDelete": False,
        "paused": False,
        "markerName": ".stfolder",
    }


async def _config(pair: StandInPair, _: Request) -> Response:
    devices = [{"deviceID": each, "paused": False} for each in (pair.server_id, pair.phone_id)]
    return JSONResponse({"folders": [_folder_json(pair)], "devices": devices})


async def _config_folder(pair: StandInPair, request: Request) -> Response:
    if request.path_params["folder"] != FOLDER_ID:
        return PlainTextResponse("No folder with given ID\n", 404)
    return JSONResponse(_folder_json(pair))


async def _scan(pair: StandInPair, request: Request) -> Response:
    try:
        await pair.scan(request.query_params.get("sub", ""))
    except MarkerMissingError as error:
        return PlainTextResponse(f"{error}\n", 500)
    return Response()


async def _file(pair: StandInPair, request: Request) -> Response:
    answer = pair.file_json(request.query_params.get("file", ""))
    if answer is None:
        return PlainTextResponse("No such object in the index\n", 404)
    return JSONResponse(answer)


async def _completion(pair: StandInPair, request: Request) -> Response:
    if request.query_params.get("device") != pair.phone_id:
        return PlainTextResponse("no such device\n", 404)
    needed = _needed_by_phone(pair)
    need_bytes = sum(row["size"] for row in needed)
    all_bytes = sum(entry.size for _, entry in pair.index.items(Side.SERVER))
    return JSONResponse(
        {
            "completion": 100 if not all_bytes else 100 * (1 - need_bytes / all_bytes),
            "globalBytes": all_bytes,
            "needBytes": need_bytes,
            "needItems": len(needed),
            "needDeletes": 0,
            "remoteState": "valid" if pair.online else "unknown",
            "sequence": pair.index.sequences[Side.TOLD],
        }
    )


async def _remote_need(pair: StandInPair, request: Request) -> Response:
    rows, paging = _page(request, _needed_by_phone(pair))
    return JSONResponse({"files": rows, **paging})


async def _need(pair: StandInPair, request: Request) -> Response:
    needed = [as_json(path, entry) for path, entry in pair.index.server_needs()]
    rows, paging = _page(request, needed)
    return JSONResponse({"progress": [], "queued": [], "rest": rows, **paging})


async def _db_status(pair: StandInPair, _: Request) -> Response:
    needs = [entry for _, entry in pair.index.server_needs()]
    living = [entry for _, entry in pair.index.items(Side.SERVER) if not entry.deleted]
    return JSONResponse(
        {
            "localFiles": len(living),
            "localBytes": sum(entry.size for entry in living),
            "needDeletes": sum(entry.deleted for entry in needs),
            "needFiles": sum(not entry.deleted for entry in needs),
            "sequence": pair.index.sequences[Side.SERVER],
            "state": "idle",
        }
    )


async def _events(pair: StandInPair, request: Request) -> Response:
    query = request.query_params
    since, kinds = int(query.get("since", 0)), set(query.get("events", "").split(",")) - {""}
    try:
        async with asyncio.timeout(float(query.get("timeout", 60))):
            while not (found := _events_after(pair, since, kinds)):
                await pair.news.wait()
    except TimeoutError:
        return JSONResponse([])
    return JSONResponse(found)


def _events_after(pair: StandInPair, since: int, kinds: set[str]) -> list[dict[str, Any]]:
    return [
        event
        for event in pair.events
        if event["id"] > since and (not kinds or event["type"] in kinds)
    ]


def _needed_by_phone(pair: StandInPair) -> list[dict[str, Any]]:
    """Answer the server's living files that it does not know the phone to have."""
    return [
        as_json(path, entry)
        for path, entry in pair.index.items(Side.SERVER)
        if not entry.deleted
        and pair.index.newest(path) is entry
        and ((told := pair.index.get(Side.TOLD, path)) is None or told.version != entry.version)
    ]


def _page(
    request: Request, rows: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    page = int(request.query_params.get("page", 1))
    size = int(request.query_params.get("perpage", 65_536))
    return rows[(page - 1) * size : page * size], {"page": page, "perpage": size}


_TABLE: list[tuple[str, str, Handler]] = [
    ("GET", "system/ping", _ping),
    ("GET", "system/status", _status),
    ("GET", "system/connections", _connections),
    ("GET", "stats/device", _device_stats),
    ("GET", "config", _config),
    ("GET", "config/folders/{folder}", _config_folder),
    ("POST", "db/scan", _scan),
    ("GET", "db/file", _file),
    ("GET", "db/completion", _completion),
    ("GET", "db/remoteneed", _remote_need),
    ("GET", "db/need", _need),
    ("GET", "db/status", _db_status),
    ("GET", "events", _events),
]
