"""The pages under /admin: what is true, and what the person does by hand; Apple has none of them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.icloud.cloudkit_desk import Desk
from simulators.icloud.library import LibraryError
from simulators.icloud.persona import NoSuchThing, Persona
from simulators.icloud.recipe import recipe_from
from simulators.icloud.records import Json
from simulators.icloud.signin import read_json
from simulators.icloud.truth import Truth

Act = Callable[[dict[str, Json]], object]


@dataclass(frozen=True)
class AdminPages:
    """The pages; a POST names the asset as `id` and answers {"ok": true} or 404 with a reason."""

    desk: Desk
    truth: Truth
    library: Path | None

    @property
    def persona(self) -> Persona:
        """Who does things by hand."""
        return self.desk.persona

    def routes(self) -> list[Route]:
        """Every page with its method."""
        acts: dict[str, Act] = {
            "remove-from-album": self._remove_from_album,
            "edit": self._edit,
            "delete": lambda body: self.persona.delete(_text(body, "id")),
            "recover": lambda body: self.persona.recover(_text(body, "id")),
            "favorite": self._favorite,
            "hide": self._hide,
            "revert": lambda body: self.persona.revert(_text(body, "id")),
            "expunge": self._expunge,
            "add-to-album": self._add_to_album,
            "add": self._add,
            "cloudkit": self._behave,
        }
        posts = [Route(f"/admin/{n}", self._page(act), methods=["POST"]) for n, act in acts.items()]
        return [
            Route("/admin/truth", self.show_truth),
            Route("/admin/cloudkit", self.show_behaviour),
            *posts,
        ]

    async def show_truth(self, request: Request) -> Response:
        """Give the truth, in pages by `offset` and `limit` or whole."""
        offset, limit = (request.query_params.get(name, "") for name in ("offset", "limit"))
        start = int(offset) if offset.isdigit() else 0
        self.desk.expiry.sweep()
        found = await self.truth.page(
            start,
            int(limit) if limit.isdigit() else None,
            sha256=request.query_params.get("sha256") == "1",
        )
        # Escaped, because a path may hold bytes that are no Unicode.
        return Response(json.dumps(found), media_type="application/json")

    async def show_behaviour(self, _request: Request) -> Response:
        """Give the settings of the simulated CloudKit."""
        return JSONResponse(self.desk.habits.now.model_dump())

    def _page(self, act: Act) -> Callable[[Request], object]:
        async def endpoint(request: Request) -> Response:
            try:
                told = act(await read_json(request))
            except ValidationError as error:
                first = error.errors()[0]
                reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
                return JSONResponse({"ok": False, "reason": reason}, status_code=400)
            except (NoSuchThing, LibraryError) as error:
                return JSONResponse({"ok": False, "reason": str(error.args[0])}, status_code=404)
            return JSONResponse({"ok": True, **(told if isinstance(told, dict) else {})})

        return endpoint

    def _remove_from_album(self, body: dict[str, Json]) -> None:
        self.persona.remove_from_album(_text(body, "id"), _text(body, "album"))

    def _favorite(self, body: dict[str, Json]) -> None:
        self.persona.favorite(_text(body, "id"), on=body.get("favorite") is not False)

    def _hide(self, body: dict[str, Json]) -> None:
        self.persona.hide(_text(body, "id"), on=body.get("hidden") is not False)

    def _expunge(self, body: dict[str, Json]) -> None:
        zone = self.desk.world.zone_of(_text(body, "id"))
        if zone is None:
            raise NoSuchThing(f"there is no asset {_text(body, 'id')}")
        self.desk.expiry.expunge(zone, _text(body, "id"))

    def _add_to_album(self, body: dict[str, Json]) -> None:
        self.persona.add_to_album(_text(body, "id"), _text(body, "album"))

    def _behave(self, body: dict[str, Json]) -> Json:
        self.desk.habits.change({**body})
        settings: Json = self.desk.habits.now.model_dump()
        return settings

    def _edit(self, body: dict[str, Json]) -> None:
        if "file" not in body:
            size = body.get("bytes")
            self.persona.edit_anew(_text(body, "id"), size if isinstance(size, int) else 100_000)
            return
        name = _text(body, "file")
        if self.library is None or not (self.library / name).is_file():
            raise NoSuchThing(f"the library has no file {name}")
        self.persona.edit(_text(body, "id"), self.library / name)

    def _add(self, body: dict[str, Json]) -> Json:
        """Add assets now; the answer names the first thousand."""
        block = self.desk.world.add_recipe(recipe_from({**body}), self.desk.clock())
        return {"ids": [spec.id for spec in block[:1000]], "total": len(self.desk.world)}


def _text(body: dict[str, Json], name: str) -> str:
    if not isinstance(found := body.get(name), str):
        raise NoSuchThing(f"the request needs {name}")
    return found
