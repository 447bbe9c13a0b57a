"""On a real nats-server, ours or the containers': every user is refused every subject of the product that is not its own."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
from nats import errors as nats_errors
from nats.aio.client import Client

from shared.domain.pipeline import (
    ADVISORIES_STREAM,
    OPERATOR_ASKS,
    REPORTS_CONSUMER,
    REPORTS_STREAM,
    SERVICES,
    STAGES,
    STATE,
    alive_subject,
    progress_subject,
    report_subject,
    reports_of,
)
from shared.runtime.permissions import permissions
from tests.integration.nats_fixture import RealNats, containers_nats, real_nats

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection
    from pathlib import Path

    from shared.domain.pipeline import Stage

pytestmark = pytest.mark.integration
USERS = tuple(permissions())
STATE_, OPERATOR, ADMIN = "state", "operator", "admin"
OF_STREAMS = ("CREATE", "UPDATE", "DELETE", "MSG.GET", "MSG.DELETE", "SNAPSHOT", "RESTORE")
OF_CONSUMERS = ("CREATE", "DURABLE.CREATE", "DELETE", "PAUSE", "LEADER.STEPDOWN", "UNPIN")
OF_ALL = ("STREAM.NAMES", "STREAM.LIST", "STREAM.CREATE.X", "STREAM.TEMPLATE.NAMES")
WHOLE = (
    ">",
    "*.*",
    "*.*.*",
    "job.>",
    "evt.>",
    "ask.>",
    "progress.>",
    "cmd.>",
    "cmd.*.*",
    "$JS.>",
    "$JS.API.>",
    "$SYS.>",
)


class Subjects:
    """Every subject of the bus, with the users whose own it is: from the stage table, and not from the permissions."""

    def __init__(self) -> None:
        self.says: dict[str, set[str]] = {}
        self.hears: dict[str, set[str]] = {}
        for stage in STAGES:
            self._work(stage)
        for consumer in ((REPORTS_STREAM, REPORTS_CONSUMER), (ADVISORIES_STREAM, REPORTS_CONSUMER)):
            self._consumer(*consumer, of=STATE_)
        self._stream(REPORTS_STREAM, info={STATE_}, purge=set())
        self._stream(ADVISORIES_STREAM, info=set(), purge=set())
        self._reports()
        self._questions()
        for user in USERS:
            for name in ("x", "x.y"):
                self.add(f"_INBOX_{user}.{name}", hears={user})
            self.hears[f"_INBOX_{user}.>"] = {user}
        workers = {service.name for service in SERVICES}
        self.add("$JS.API.INFO", says={*workers, STATE_, ADMIN})
        for name in OF_ALL:
            self.add(f"$JS.API.{name}", says={ADMIN})
        for name in ("evt.x.y", "_INBOX.a.b", "$SYS.REQ.SERVER.PING", "$JS.EVENT.ADVISORY.X", "x"):
            self.add(name)
        self.hears.update({subject: set() for subject in WHOLE})

    def add(self, subject: str, *, says: Collection[str] = (), hears: Collection[str] = ()) -> None:
        self.says[subject] = {*says}
        self.hears[subject] = {*hears}

    def _work(self, stage: Stage) -> None:
        self._stream(stage.stream, info={STATE_}, purge={STATE_})
        for lane in stage.lanes:
            self.add(stage.subject(lane), says={STATE_})
            self._consumer(stage.stream, stage.consumer(lane), of=stage.service)

    def _stream(self, stream: str, *, info: set[str], purge: set[str]) -> None:
        self.add(f"$JS.API.STREAM.INFO.{stream}", says={*info, ADMIN})
        self.add(f"$JS.API.STREAM.PURGE.{stream}", says={*purge, ADMIN})
        for action in OF_STREAMS:
            self.add(f"$JS.API.STREAM.{action}.{stream}", says={ADMIN})
        for name in ("DIRECT.GET", "CONSUMER.NAMES", "CONSUMER.LIST", "CONSUMER.CREATE"):
            self.add(f"$JS.API.{name}.{stream}", says={ADMIN})

    def _consumer(self, stream: str, consumer: str, *, of: str) -> None:
        place = f"{stream}.{consumer}"
        self.add(f"$JS.API.CONSUMER.MSG.NEXT.{place}", says={of, ADMIN})
        self.add(f"$JS.ACK.{place}.1.1.1.1.1", says={of})
        self.add(f"$JS.API.CONSUMER.INFO.{place}", says={STATE_, ADMIN})
        for action in OF_CONSUMERS:
            self.add(f"$JS.API.CONSUMER.{action}.{place}", says={ADMIN})

    def _reports(self) -> None:
        every = {report for service in SERVICES for report in reports_of(service)}
        for service in SERVICES:
            for report in every:
                own = {service.name} if report in reports_of(service) else set()
                self.add(report_subject(service.name, report), says=own)

    def _questions(self) -> None:
        askers = {service.name: service.asks for service in SERVICES} | {OPERATOR: OPERATOR_ASKS}
        for name in {name for asks in askers.values() for name in asks}:
            may = {user for user, asks in askers.items() if name in asks}
            self.add(f"ask.state.{name}", says=may, hears={STATE_})
        self.hears["ask.state.*"] = {STATE_}
        for service in (*SERVICES, STATE):
            self.add(f"cmd.{service.name}.run", says={OPERATOR}, hears={service.name})
            self.hears[f"cmd.{service.name}.*"] = {service.name}
        for service in SERVICES:
            says, hears = ({service.name}, {OPERATOR}) if service.shows else (set(), set())
            self.add(progress_subject(service.name), says=says, hears=hears)
            self.add(alive_subject(service.name), says={service.name}, hears={STATE_})
        self.hears[alive_subject("*")] = {STATE_}


SUBJECTS = Subjects()


@pytest.fixture(params=[real_nats, containers_nats], ids=["embedded", "containers"])
async def nats(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RealNats]:
    async with request.param(tmp_path) as server:
        yield server


@pytest.mark.parametrize("user", USERS)
async def test_a_user_can_publish_and_hear_only_what_is_its_own(nats: RealNats, user: str) -> None:
    refused: set[str] = set()

    async def on_error(error: Exception) -> None:
        refused.add(str(error).lower())

    async def ignore(_: object) -> None:
        return None

    login = nats.login(user)
    client = Client()
    await client.connect(login.url, user=user, password=login.password(), error_cb=on_error)
    for subject in SUBJECTS.hears:
        await client.subscribe(subject, cb=ignore)
        await client.subscribe(subject, queue="others", cb=ignore)
    for subject in SUBJECTS.says:
        # an answer to a request that was just sent may be allowed for a moment: nobody asked here
        await client.publish(subject, b"")
    await client.flush()
    await asyncio.sleep(0.05)
    await client.close()
    said = {found[1] for one in refused if (found := VIOLATION.search(one))}
    assert len(said) == len(refused), refused
    assert said == violations(user)


VIOLATION = re.compile(r"permissions violation for ((publish|subscription) to \S+( using queue)?)")


def violations(user: str) -> set[str]:
    """Return what the server has to say of everything that is not the user's own."""
    strange = [subject for subject, own in SUBJECTS.hears.items() if user not in own]
    return {
        *(f'publish to "{one}"'.lower() for one, own in SUBJECTS.says.items() if user not in own),
        *(f'subscription to "{one}"'.lower() for one in strange),
        *(f'subscription to "{one}" using queue'.lower() for one in strange),
    }


async def test_nobody_gets_in_with_another_s_password_or_with_none(nats: RealNats) -> None:
    for user, other in zip(USERS, (*USERS[1:], USERS[0]), strict=True):
        for password in (nats.login(other).password(), ""):
            client = Client()
            with pytest.raises(nats_errors.Error, match=r"(?i)authorization"):
                await client.connect(
                    nats.login(user).url, user=user, password=password, allow_reconnect=False
                )
            await client.close()


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
    assert SUBJECTS.says["ask.state.claim_deletion"] == {"icloud_cleanup"}
