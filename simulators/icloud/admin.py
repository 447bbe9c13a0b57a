"""The pages under /admin: what is true, and what the person does by hand; Apple has none of them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.icloud.account import Account
from simulators.icloud.clock import Clock
from simulators.icloud.library import LibraryError
from simulators.icloud.persona import NoSuchThing, Persona
from simulators.icloud.recipe import recipe_from
from simulators.icloud.records import Json
from simulators.icloud.signin import read_json
from simulators.icloud.truth import Truth
from simulators.icloud.world import World

Act = Callable[[dict[str, Json]], object]


@dataclass(frozen=True)
class AdminPages:
    """The pages; a POST names the asset as `id` and answers {"ok": true} or 404 with a reason."""

    account: Account
    persona: Persona
    truth: Truth
    library: Path | None
    world: World
    clock: Clock

    def routes(self) -> list[Route]:
        """Every page with its method."""
        acts: dict[str, Act] = {
            "remove-from-album": self._remove_from_album,
            "edit": self._edit,
            "delete": lambda body: self.persona.delete(_text(body, "id")),
            "recover": lambda body: self.persona.recover(_text(body, "id")),
            "favorite": self._favorite,
            "add": self._add,
        }
        posts = [Route(f"/admin/{n}", self._page(act), methods=["POST"]) for n, act in acts.items()]
        return [
            Route("/admin/truth", self.show_truth),
            *posts,
        ]

    async def show_truth(self, request: Request) -> Response:
        """Give the truth, in pages by `offset` and `limit` or whole."""
        offset, limit = (request.query_params.get(name, "") for name in ("offset", "limit"))
        start = int(offset) if offset.isdigit() else 0
        found = await self.truth.page(
            start,
            int(limit) if limit.isdigit() else None,
            sha256=request.query_params.get("sha256") == "1",
        )
        # Escaped, because a path may hold bytes that are no Unicode.
        return Response(json.dumps(found), media_type="application/json")

    def _page(self, act: Act) -> Callable[[Request], object]:
        async def endpoint(request: Request) -> Response:
            try:
                act(await read_json(request))
            except (NoSuchThing, LibraryError) as error:
                return JSONResponse({"ok": False, "reason": str(error.args[0])}, status_code=404)
            return JSONResponse({"ok": True})

        return endpoint

    def _remove_from_album(self, body: dict[str, Json]) -> None:
        self.persona.remove_from_album(_text(body, "id"), _text(body, "album"))

    def _favorite(self, body: dict[str, Json]) -> None:
        self.persona.favorite(_text(body, "id"), on=body.get("favorite") is not False)

    def _edit(self, body: dict[str, Json]) -> None:
        name = _text(body, "file")
        if self.library is None or not (self.library / name).is_file():
            raise NoSuchThing(f"the library has no file {name}")
        self.persona.edit(_text(body, "id"), self.library / name)

    def _add(self, body: dict[str, Json]) -> None:
        self.world.add_recipe(recipe_from({**body}), self.clock())


def _text(body: dict[str, Json], name: str) -> str:
    if not isinstance(found := body.get(name), str):
        raise NoSuchThing(f"the request needs {name}")
    return found
