"""On a real nats-server, ours or the containers': every user is refused every subject of the product that is not its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from nats.aio.client import Client

from shared.domain.pipeline import (
    OPERATOR_ASKS,
    SERVICES,
    STAGES,
    report_subject,
    reports_of,
)
from shared.runtime.permissions import permissions
from tests.integration.nats_fixture import RealNats, containers_nats, real_nats

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.integration
USERS = tuple(permissions())


def every_subject() -> set[str]:
    """Enumerate what anybody publishes, from the stage table and not from the permissions."""
    subjects = {stage.subject(lane) for stage in STAGES for lane in stage.lanes}
    for stage in STAGES:
        subjects |= {
            f"$JS.API.STREAM.PURGE.{stage.stream}",
            f"$JS.API.STREAM.DELETE.{stage.stream}",
        }
        for lane in stage.lanes:
            place = f"{stage.stream}.{stage.consumer(lane)}"
            subjects |= {f"$JS.API.CONSUMER.MSG.NEXT.{place}", f"$JS.ACK.{place}.1.1.1.1.1"}
            subjects.add(f"$JS.API.CONSUMER.DELETE.{place}")
    for service in SERVICES:
        subjects |= {report_subject(service.name, report) for report in reports_of(service)}
        subjects |= {f"ask.state.{name}" for name in service.asks}
        subjects |= {f"cmd.{service.name}.run", f"_INBOX_{service.name}.x.y"}
    subjects |= {f"ask.state.{name}" for name in OPERATOR_ASKS}
    subjects |= {"$JS.API.CONSUMER.MSG.NEXT.EVT.state", "$JS.ACK.EVT.state.1.1.1.1.1"}
    return subjects | {"$JS.API.STREAM.CREATE.X", "$JS.API.INFO", "evt.x.y", "_INBOX.a.b"}


def own(subject: str, allowed: tuple[str, ...]) -> bool:
    return any(matches(subject.split("."), pattern.split(".")) for pattern in allowed)


def matches(parts: list[str], pattern: list[str]) -> bool:
    for place, wanted in enumerate(pattern):
        if wanted == ">":
            return len(parts) > place
        if place >= len(parts) or wanted not in {"*", parts[place]}:
            return False
    return len(parts) == len(pattern)


@pytest.fixture(params=[real_nats, containers_nats], ids=["embedded", "containers"])
async def nats(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RealNats]:
    async with request.param(tmp_path) as server:
        yield server


@pytest.mark.parametrize("user", USERS)
async def test_a_user_can_publish_and_hear_only_what_is_its_own(nats: RealNats, user: str) -> None:
    refused: list[str] = []

    async def on_error(error: Exception) -> None:
        refused.append(str(error))

    async def ignore(_: object) -> None:
        return None

    login = nats.login(user)
    client = Client()
    await client.connect(login.url, user=user, password=login.password(), error_cb=on_error)
    rules = permissions()[user]
    subjects = sorted(every_subject())
    for subject in subjects:
        await client.publish(subject, b"")
        await client.subscribe(subject, cb=ignore)
    await client.flush()
    await asyncio.sleep(0.05)
    await client.close()
    said = "\n".join(refused).lower()
    for subject in subjects:
        # an answer to a request that was just sent may be allowed for a moment: nobody asked here
        assert (f'publish to "{subject.lower()}"' in said) != own(subject, rules.publish), subject
        assert (f'subscription to "{subject.lower()}"' in said) != own(subject, rules.subscribe), (
            subject
        )


def test_no_worker_may_write_another_s_report_or_hand_out_work() -> None:
    for service in SERVICES:
        rules = permissions()[service.name]
        assert not any(subject.startswith("job.") for subject in rules.publish)
        assert all(
            subject.startswith(f"evt.{service.name}.")
            for subject in rules.publish
            if subject.startswith("evt.")
        )


def test_only_icloud_cleanup_may_claim_a_deletion() -> None:
    holders = {
        user
        for user, rules in permissions().items()
        if own("ask.state.claim_deletion", rules.publish)
    }
    assert holders == {"icloud_cleanup"}
