"""The CloudKit pages of the Photos container: private and shared; every page needs the cookie."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulators.icloud.account import Account
from simulators.icloud.account_pcs import refusal
from simulators.icloud.cloudkit_desk import CloudKitError, Desk
from simulators.icloud.cloudkit_records import RecordPages
from simulators.icloud.cloudkit_zones import ZonePages
from simulators.icloud.records import Json
from simulators.icloud.signin import read_json
from simulators.icloud.world import Database

_PREFIX = "/database/1/com.apple.photos.cloud/production"
Page = Callable[[dict[str, Json], Request, Database], Awaitable[Response]]


@dataclass(frozen=True)
class CloudKitPages:
    """The pages; the desk's world is the truth they show."""

    account: Account
    desk: Desk

    def routes(self) -> list[Route]:
        """Every page of every database."""
        zones, records = ZonePages(self.desk), RecordPages(self.desk)
        pages: dict[str, Page] = {
            "zones/list": zones.listed,
            "changes/database": zones.database_changes,
            "changes/zone": zones.zone_changes,
            "records/query": records.query,
            "internal/records/query/batch": records.counts,
            "records/lookup": records.lookup,
            "records/modify": records.modify,
        }
        return [
            Route(f"{_PREFIX}/{base.name}/{path}", self._guarded(page, base), methods=["POST"])
            for base in self.desk.world.databases
            for path, page in pages.items()
        ]

    def _guarded(self, page: Page, database: Database) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            if refused := refusal(self.account, request):
                return refused
            self.desk.expiry.sweep()
            try:
                return await page(await read_json(request), request, database)
            except CloudKitError as error:
                return error.answer()

        return endpoint
