"""An answer that is an error keeps its sentence, and the time at which another try can succeed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.adapters.jetstream_asking import ask, serve
from shared.domain.errors import Transient
from shared.domain.questions import AskSyncToken, SyncToken
from tests.integration.nats_fixture import real_nats

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("wish", [None, 42.5])
async def test_the_asker_learns_when_to_try_again(tmp_path: Path, wish: float | None) -> None:
    async def busy(_asked: AskSyncToken) -> SyncToken:
        raise Transient("an earlier permit is still open", retry_after=wish)

    async with real_nats(tmp_path) as nats:
        await serve(await nats.connect("state"), "ask.state.sync_token", AskSyncToken, busy)
        asker = await nats.connect("downloader")
        with pytest.raises(Transient, match=r"^an earlier permit is still open$") as refusal:
            await ask(asker, "ask.state.sync_token", AskSyncToken(zone="PrimarySync"), SyncToken)
    assert refusal.value.retry_after == wish
