"""The downloader's side of iCloud against the simulated one: sign-in, change feed, verified downloads."""

import hashlib
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.downloader.fetching import CloudFiles
from services.downloader.handler import DownloadHandler
from services.downloader.known import KnownAssets
from services.downloader.library import Library
from services.downloader.limiter import Limiter
from services.downloader.look import Look
from services.downloader.paced import PacedZones
from services.downloader.settings import DownloaderSettings
from shared.adapters.icloud_download import ICloudDownload
from shared.adapters.icloud_reading import ICloudRecords
from shared.adapters.icloud_session import ICloudSession, open_session
from shared.adapters.icloud_signin import login
from shared.adapters.icloud_transport import CloudKit
from shared.adapters.icloud_zones import ICloudZones
from shared.domain.errors import Permanent, Waiting
from shared.domain.events import AssetRefreshed, Downloaded, Failed
from shared.domain.ids import Resource
from shared.ports.icloud import TokenRefused
from shared.ports.watching import Unobserved
from tests.integration.icloud_setup import NAMES, Bus, Cloud, FixedClock, cloud, works
from tests.integration.icloud_sim import PASSWORD
from tests.unit.downloader.fakes import FakeAttention


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with cloud(tmp_path_factory.mktemp("icloud")) as running:
        yield running


class Parts:
    """The downloader's parts on one session."""

    def __init__(self, session: ICloudSession, place: Cloud) -> None:
        self.clock = FixedClock()
        self.bus = Bus()
        self.records = ICloudRecords(CloudKit(session))
        self.attention = FakeAttention()
        settings, nobody = DownloaderSettings(), Unobserved()
        requests = Limiter("requests", 8, self.attention, nobody)
        zones = PacedZones(ICloudZones(session), requests)
        self.known = KnownAssets(zones, self.clock, settings)
        self.look = Look(
            zones=zones,
            known=self.known,
            state=self.bus,
            attention=self.attention,
            clock=self.clock,
        )
        files = CloudFiles(
            known=self.known,
            fetch=ICloudDownload(session),
            limiter=Limiter("downloads", 8, self.attention, nobody),
            attention=self.attention,
            settings=settings,
            observe=nobody,
        )
        self.handle = DownloadHandler(
            library=Library(place.root, free_space_floor=0),
            known=self.known,
            receive=files,
            clock=self.clock,
        )


def files_of(place: Cloud) -> dict[str, str]:
    library = place.root.parent / "library"
    return {hashlib.sha256(p.read_bytes()).hexdigest(): p.name for p in library.iterdir()}


def test_wrong_password_is_tried_once_and_told_in_one_sentence(tmp_path: Path) -> None:
    with (
        cloud(tmp_path, signed_in=False) as place,
        pytest.raises(Permanent, match="refuses this Apple Account or password"),
    ):
        login(place.settings, "wrong", place.simulator.code)


async def test_without_a_session_the_person_is_asked_and_a_later_sign_in_is_noticed(
    tmp_path: Path,
) -> None:
    with cloud(tmp_path, signed_in=False) as place:
        async with open_session(place.settings) as session:
            parts = Parts(session, place)
            for _ in range(2):
                with pytest.raises(Waiting, match="run photoduct login") as caught:
                    await parts.records.changes(None)
                assert caught.value.attention == "icloud-session"
            with pytest.raises(Waiting):
                await parts.look()
            assert set(parts.attention.standing) == {"icloud-session"}
            login(place.settings, PASSWORD, place.simulator.code)
            assert (await parts.records.changes(None)).token


def test_the_stored_session_is_readable_for_its_owner_alone_and_holds_no_password(
    signed: Cloud,
) -> None:
    folder = signed.settings.session_dir
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert PASSWORD not in path.read_text()


async def test_a_look_lists_everything_and_the_next_one_only_what_changed(signed: Cloud) -> None:
    async with open_session(signed.settings) as session:
        parts = Parts(session, signed)
        await parts.look()
        first = {asset.filename: asset for page in parts.bus.pages for asset in page.assets}
        assert set(first) == {f"{name}.jpg" for name in NAMES}
        assert [r.resource for r in first["one.jpg"].resources] == [
            Resource.ORIGINAL,
            Resource.LIVE,
            Resource.RECORD,
        ]
        assert not any(asset.problem for asset in first.values())
        assert [page.final for page in parts.bus.pages].count(True) == 1
        assert parts.bus.pages[-1].final

        before = len(parts.bus.pages)
        signed.simulator.act("favorite", id=first["two.jpg"].asset, favorite=True)
        await parts.look()
        changed = [asset for page in parts.bus.pages[before:] for asset in page.assets]
        assert [(asset.filename, asset.favorite) for asset in changed] == [("two.jpg", True)]
        assert changed[0].change_tag != first["two.jpg"].change_tag
        assert changed[0].resources[0] == first["two.jpg"].resources[0]


async def test_a_refused_token_begins_the_full_history(signed: Cloud) -> None:
    async with open_session(signed.settings) as session:
        parts = Parts(session, signed)
        parts.bus.answers["sync_token"] = lambda _: type("Answer", (), {"token": "nonsense"})
        with pytest.raises(TokenRefused):
            await parts.records.changes("nonsense")
        await parts.look()
        assert sum(len(page.assets) for page in parts.bus.pages) == len(NAMES)


async def test_every_file_is_downloaded_byte_for_byte_and_again_is_the_same(signed: Cloud) -> None:
    async with open_session(signed.settings) as session:
        parts = Parts(session, signed)
        await parts.look()
        expected = files_of(signed)
        for work in works(parts.bus.pages):
            (report,) = await parts.handle(work)
            assert isinstance(report, Downloaded)
            landed = signed.root / "backup" / work.path
            assert hashlib.sha256(landed.read_bytes()).hexdigest() == report.sha256
            assert landed.stat().st_size == report.size
            assert landed.stat().st_mtime == work.created.timestamp()
            if work.resource is not Resource.RECORD:
                del expected[report.sha256]
            assert await parts.handle(work) == [report]
        assert expected == {}
        assert list((signed.root / "incoming").iterdir()) == []


async def test_an_expired_session_is_renewed_without_a_password(signed: Cloud) -> None:
    async with open_session(signed.settings) as session:
        parts = Parts(session, signed)
        await parts.records.changes(None)
        session.client.cookies.jar.clear()  # as when Apple forgets them
        assert (await parts.records.changes(None)).token


async def test_what_changed_before_it_was_downloaded_is_told(signed: Cloud) -> None:
    async with open_session(signed.settings) as session:
        parts = Parts(session, signed)
        await parts.look()
        work = next(w for w in works(parts.bus.pages) if w.resource is Resource.ORIGINAL)
        stale = work.model_copy(update={"checksum": "AAAA", "path": "2026/11/stale.jpg"})
        news, failed = await parts.handle(stale)
        assert isinstance(news, AssetRefreshed)
        assert news.seen.asset == work.asset
        assert isinstance(failed, Failed)
        assert "changed in iCloud before" in failed.reason
