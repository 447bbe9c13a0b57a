"""Shows what really happened on the phone and at Google, and takes the phone offline; tests ask it, the product never."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse
from starlette.routing import Route

from simulators.phone.google_photos import GooglePhotos, whole_files

if TYPE_CHECKING:
    from starlette.requests import Request

    from simulators.phone.google_store import GoogleStore
    from simulators.phone.pair import Pair


def truth_routes(pair: Pair, app: GooglePhotos, store: GoogleStore) -> list[Route]:
    """Answer GET /truth, POST /phone/online, /phone/offline and /phone/free-up-space."""

    async def truth(_: Request) -> JSONResponse:
        return JSONResponse(_truth(pair, app, store))

    async def online(_: Request) -> JSONResponse:
        await pair.set_online(True)
        return JSONResponse({"online": True})

    async def offline(_: Request) -> JSONResponse:
        await pair.set_online(False)
        return JSONResponse({"online": False})

    async def free(_: Request) -> JSONResponse:
        return JSONResponse({"files": app.free_up_space()})

    return [
        Route("/truth", truth),
        Route("/phone/free-up-space", free, methods=["POST"]),
        Route("/phone/online", online, methods=["POST"]),
        Route("/phone/offline", offline, methods=["POST"]),
    ]


def _truth(pair: Pair, app: GooglePhotos, store: GoogleStore) -> dict[str, object]:
    on_phone = [
        {"name": name, "size": file.stat().st_size} for name, file in whole_files(pair.phone_folder)
    ]
    return {
        "on_phone": on_phone,
        "uploads": [asdict(upload) for upload in store.uploads()],
        "refused": store.refusals(),
        "removed": app.removed(),
    }
