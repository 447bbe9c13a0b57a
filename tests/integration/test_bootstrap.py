"""Streams of an older version: those of work are made anew, those of reports never."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.adapters.jetstream_admin import call, stream_info
from shared.domain.errors import Fatal
from shared.domain.pipeline import REPORTS_STREAM, REPORTS_SUBJECTS, STAGES
from shared.runtime.bootstrap import Sizes, bootstrap, stream_config
from tests.integration.nats_fixture import real_nats

if TYPE_CHECKING:
    from pathlib import Path

    from shared.adapters.jetstream import Connection

pytestmark = pytest.mark.integration
STAGE = STAGES[0]


async def remake(connection: Connection, name: str, subjects: str, **other: str) -> None:
    """Put a stream of another kind, with a message in it, in the place of ours."""
    await call(connection, f"STREAM.DELETE.{name}")
    old = {**stream_config(name, subjects, Sizes()), **other}
    await call(connection, f"STREAM.CREATE.{name}", old)


async def test_work_of_an_older_version_is_made_anew(tmp_path: Path) -> None:
    async with real_nats(tmp_path) as nats:
        admin = await nats.connect("admin")
        await remake(admin, STAGE.stream, STAGE.subjects)  # as it was: every message flushed
        await bootstrap(nats.login("admin"))
        config = (await stream_info(admin, STAGE.stream))["config"]
        assert config["persist_mode"] == "async"
        for lane in STAGE.lanes:
            await call(admin, f"CONSUMER.INFO.{STAGE.stream}.{STAGE.consumer(lane)}")


async def test_reports_are_never_made_anew(tmp_path: Path) -> None:
    async with real_nats(tmp_path) as nats:
        admin = await nats.connect("admin")
        await remake(admin, REPORTS_STREAM, REPORTS_SUBJECTS, retention="workqueue")
        before = (await stream_info(admin, REPORTS_STREAM))["created"]
        with pytest.raises(Fatal, match=f"STREAM.UPDATE.{REPORTS_STREAM}"):
            await bootstrap(nats.login("admin"))
        assert (await stream_info(admin, REPORTS_STREAM))["created"] == before
