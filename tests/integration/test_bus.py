"""The bus on a real nats-server: durable batches, pulls without lingering, questions, and a server killed mid-stream."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel
from structlog.testing import capture_logs

from shared.adapters.jetstream import Login, connect
from shared.adapters.jetstream_admin import consumer_info, ensure_consumer, purge, stream_info
from shared.adapters.jetstream_asking import ask, serve
from shared.adapters.jetstream_publishing import Publisher, Reporter
from shared.adapters.jetstream_pulling import Message, Puller
from shared.cli.asking import NotRunning, Operator
from shared.domain.errors import Fatal, Permanent, Transient
from shared.domain.pipeline import STAGE, alive_subject, progress_subject
from shared.domain.questions import AskStatus, Status
from shared.ports.bus import Outgoing
from shared.runtime.bootstrap import bootstrap, lane_consumers, reports_consumer
from tests.integration.nats_fixture import RealNats, real_nats

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.integration


class Number(BaseModel):
    n: int


@pytest.fixture
async def nats(tmp_path: Path) -> AsyncIterator[RealNats]:
    async with real_nats(tmp_path) as server:
        yield server


def tasks(count: int, start: int = 0, stage: str = "nas") -> list[Outgoing]:
    return [Outgoing(f"job.{stage}.all", b"{}", f"{stage}{n}") for n in range(start, start + count)]


async def test_many_messages_get_their_numbers_in_order(nats: RealNats) -> None:
    publisher = Publisher(await nats.connect("state"))
    mixed = [
        one for pair in zip(tasks(600), tasks(600, stage="pixel"), strict=True) for one in pair
    ]
    numbers = await publisher.publish_many(mixed)
    assert numbers == [n for n in range(1, 601) for _ in range(2)]


async def test_duplicates_are_tolerated_and_stored_once(nats: RealNats) -> None:
    connection = await nats.connect("state")
    publisher = Publisher(connection)
    first = await publisher.publish_many(tasks(10))
    again = await publisher.publish_many([*tasks(12), *tasks(1)])
    assert again[:10] == first
    assert sorted(number for number in again[10:12] if number) == [11, 12]
    assert (await stream_info(connection, "JOB_NAS"))["state"]["messages"] == 12


async def test_what_is_said_at_once_shares_a_message(nats: RealNats) -> None:
    connection = await nats.connect("downloader")
    sent = connection.nats.stats
    reporter = Reporter(Publisher(connection))
    await reporter.say(Outgoing("evt.downloader.downloaded", b"{}", "r"))
    answers = sent["in_msgs"]
    await asyncio.gather(
        *(reporter.say(Outgoing("evt.downloader.downloaded", b"{}", f"r{n}")) for n in range(200))
    )
    assert sent["in_msgs"] - answers <= 3  # one answer a batch


async def test_one_message_too_large_spoils_no_other(nats: RealNats) -> None:
    reporter = Reporter(Publisher(await nats.connect("downloader")))
    outcomes = await asyncio.gather(
        *(
            reporter.say(Outgoing("evt.downloader.downloaded", bytes(size), f"r{size}"))
            for size in (1, 2, 9_000_000, 3)
        ),
        return_exceptions=True,
    )
    assert [type(one) for one in outcomes] == [type(None), type(None), Permanent, type(None)]


async def test_one_message_comes_at_once_when_eight_are_wanted(
    nats: RealNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    """fetch(8) would linger until its request expires."""
    monkeypatch.setattr("shared.adapters.jetstream_pulling.EXPIRES_S", 600.0)
    publisher = Publisher(await nats.connect("state"))
    async with Puller(await nats.connect("nas_sync"), "JOB_NAS", "nas-all", room=8) as puller:
        await asyncio.sleep(0.2)
        for number in range(3):
            await publisher.publish_many(tasks(1, start=number))
            (message,) = await asyncio.wait_for(puller.take(8), 60)
            await message.ack()
            puller.free()


async def test_no_more_are_taken_than_there_is_room_for(nats: RealNats) -> None:
    connection = await nats.connect("state")
    await Publisher(connection).publish_many(tasks(30))
    async with Puller(await nats.connect("nas_sync"), "JOB_NAS", "nas-all", room=8) as puller:
        held: list[Message] = []
        while len(held) < 8:
            held += await asyncio.wait_for(puller.take(100), 30)
        await asyncio.sleep(0.3)
        assert puller._arrived.empty()
        assert len(held) == 8
        await held[0].ack()
        puller.free()
        await asyncio.wait_for(puller.take(), 30)
        info = await consumer_info(connection, "JOB_NAS", "nas-all")
        assert info["num_ack_pending"] == 8


async def test_requests_that_end_unserved_are_made_anew(
    nats: RealNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.adapters.jetstream_pulling.EXPIRES_S", 0.3)
    publisher = Publisher(await nats.connect("state"))
    async with Puller(await nats.connect("nas_sync"), "JOB_NAS", "nas-all", room=4) as puller:
        await asyncio.sleep(1.0)
        await publisher.publish_many(tasks(4))
        taken = 0
        while taken < 4:
            taken += len(await asyncio.wait_for(puller.take(4), 30))


async def test_nothing_is_lost_when_the_server_is_killed_mid_stream(nats: RealNats) -> None:
    state, worker = await nats.connect("state"), await nats.connect("downloader")
    admin = await nats.connect("admin")
    await ensure_consumer(admin, "EVT", {**reports_consumer(), "ack_wait": 2_000_000_000})
    reporter = Reporter(Publisher(worker))
    total, seen = 600, set[bytes]()

    async def report() -> None:
        async def one(line: int) -> None:
            for n in range(total // 6):
                key = f"{line}-{n}"
                await reporter.say(Outgoing("evt.downloader.downloaded", key.encode(), key))
                await asyncio.sleep(0.002)

        await asyncio.gather(*(one(line) for line in range(6)))

    async def read() -> None:
        async with Puller(state, "EVT", "state", room=100) as puller:
            while len(seen) < total:
                messages = await puller.take(50)
                seen.update(line for one in messages for line in one.body.split(b"\n"))
                await messages[-1].ack()
                puller.free(len(messages))

    both = asyncio.gather(report(), read())
    for _ in range(2):
        await asyncio.sleep(0.25)
        await nats.kill()
        await asyncio.sleep(0.2)
        await nats.start()
    await asyncio.sleep(1)
    # a delivery that died with its connection comes back after the ack_wait; the store holds it meanwhile
    state_of = (await stream_info(state, "EVT"))["state"]
    async with asyncio.timeout(30):
        await both
    assert state_of["messages"] <= total
    assert len(seen) == total
    assert (await stream_info(state, "EVT"))["state"]["messages"] <= total


async def test_a_person_hears_in_plain_words_that_the_state_service_is_away(nats: RealNats) -> None:
    person = Operator(await nats.connect("operator"))
    with pytest.raises(NotRunning, match="the state service does not answer: is it running"):
        await person.ask("status", AskStatus(), Status)


async def test_questions_are_answered_or_refused_in_a_sentence(nats: RealNats) -> None:
    state, worker = await nats.connect("state"), await nats.connect("pixel_sync")

    async def answer(question: Number) -> Number:
        if question.n == 13:
            raise Transient("Thirteen is not answered.")
        return Number(n=question.n + 1)

    with pytest.raises(Transient, match="Nobody listens"):
        await ask(worker, "ask.state.google_watch", Number(n=1), Number)
    await serve(state, "ask.state.google_watch", Number, answer)
    await state.nats.flush()  # the server knows of it
    assert await ask(worker, "ask.state.google_watch", Number(n=1), Number) == Number(n=2)
    with pytest.raises(Transient, match="Thirteen is not answered"):
        await ask(worker, "ask.state.google_watch", Number(n=13), Number)


async def test_an_answer_to_a_question_of_before_a_restart_ends_nobody(nats: RealNats) -> None:
    """The permission to answer went with the server that brought the question; a subject of others is refused still."""
    state = await nats.connect("state")
    await state.nats.publish("_inbox_pixel_sync.abc.1", b"late")
    await state.nats.publish("job.of.others", b"")
    with pytest.raises(Fatal, match=r"job\.of\.others"):
        await asyncio.wait_for(asyncio.shield(state.fatal), 30)


async def test_a_refused_subject_is_fatal_and_no_answer_is_waited_for(nats: RealNats) -> None:
    worker = await nats.connect("pixel_sync")
    with pytest.raises(Fatal, match="refuses the user pixel_sync"):
        await worker.request("job.nas.all", b"{}", within=600)
    with pytest.raises(Fatal, match="refuses the user pixel_sync"):
        await Publisher(worker).publish_many(tasks(1))


async def test_a_bus_of_before_that_refuses_figures_stops_no_worker(nats: RealNats) -> None:
    """As one does that was not started anew yet; here by the figures of others, which are refused always."""
    worker = await nats.connect("pixel_sync")
    with capture_logs() as said:
        for _ in range(2):
            await worker.publish(alive_subject("compressor"), b"{}")
            await worker.subscribe(alive_subject("*"), ignored)
            await worker.publish(progress_subject("compressor"), b"{}")
        await worker.publish(progress_subject("last"), b"{}")
        async with asyncio.timeout(10):
            while not any("progress.last" in one.get("reason", "") for one in said):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    worker.check()
    warned = [one["reason"] for one in said if one["log_level"] == "warning"]
    assert len(warned) == len(set(warned)) == 4


async def ignored(_: object) -> None:
    """What is heard here counts for nothing."""


async def test_a_wrong_password_is_fatal(nats: RealNats, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("no")
    with pytest.raises(Fatal, match="refuses the user nas_sync"):
        await asyncio.wait_for(connect(Login(nats.files.url, "nas_sync", wrong)), 30)


async def test_bootstrap_again_changes_nothing_and_purge_empties(nats: RealNats) -> None:
    connection = await nats.connect("state")
    await Publisher(connection).publish_many(tasks(5))
    await bootstrap(nats.login("admin"))
    assert (await stream_info(connection, "JOB_NAS"))["state"]["messages"] == 5
    assert await purge(connection, "JOB_NAS", before=4) == 3


async def test_the_bus_says_what_it_will_not_hand_out_any_more(nats: RealNats) -> None:
    admin, state = await nats.connect("admin"), await nats.connect("state")
    (lane,) = lane_consumers(STAGE["nas"])
    await ensure_consumer(admin, "JOB_NAS", {**lane, "max_deliver": 2, "ack_wait": 200_000_000})
    (number,) = await Publisher(state).publish_many(tasks(1))
    async with (
        Puller(await nats.connect("nas_sync"), "JOB_NAS", "nas-all", room=1) as worker,
        Puller(state, "ADV", "state", room=1) as advisories,
    ):
        for _ in range(2):  # it dies each time
            await asyncio.wait_for(worker.take(), 30)
            worker.free()
        (told,) = await asyncio.wait_for(advisories.take(), 30)
    said = json.loads(told.body)
    assert (said["stream"], said["stream_seq"], said["deliveries"]) == ("JOB_NAS", number, 2)
