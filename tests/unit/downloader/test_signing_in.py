"""What is told of a session's age: the warning a week before, the metrics, and what a crash at the console does not show."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from prometheus_client import CollectorRegistry, generate_latest

from services.downloader.signing_in.ending import ENDS, SessionAge, SessionEnds
from shared.adapters.icloud_settings import ICloudSettings
from shared.adapters.icloud_signin_life import SessionLife
from shared.adapters.icloud_signin_resuming import store_of
from shared.adapters.icloud_signin_store import Refusal, Stored
from shared.adapters.private_files import write_private
from shared.runtime.logs import set_up_logs
from shared.runtime.settings import LogSettings
from tests.unit.downloader.fakes import FakeAttention

MADE = datetime(2026, 11, 1, 12, tzinfo=UTC)


class At:
    def __init__(self, days: float) -> None:
        self.days = days

    def now(self) -> datetime:
        return MADE + timedelta(days=self.days)


def settings(folder: Path) -> ICloudSettings:
    return ICloudSettings(apple_id="a@b.test", session_dir=folder, session_days=30)


def stored(folder: Path, refused: Refusal | None = None) -> ICloudSettings:
    facts = Stored(
        generation="1",
        apple_id="a@b.test",
        made_at=MADE,
        renewed_at=MADE,
        database="https://db.test",
        params={},
        headers={},
        refused=refused,
    )
    write_private(folder / "session.json", facts.model_dump_json())
    return settings(folder)


@pytest.mark.parametrize(
    ("day", "says"),
    [
        (0, ""),
        (22.9, ""),
        (23.1, "is expected to end on 2026-12-01"),
        (29.9, "is expected to end on 2026-12-01"),
        (30.1, "was expected to end on 2026-12-01"),
    ],
)
def test_the_person_is_warned_from_a_week_before_the_expected_end(day: float, says: str) -> None:
    text = SessionLife(MADE, 30).warning(At(day).now())
    assert says in text
    assert bool(text) == bool(says)
    assert not text or "photoduct login" in text


def test_a_session_that_has_ended_is_not_also_said_to_end() -> None:
    life = SessionLife(MADE, 30, ended="iCloud wants a sign-in")
    assert life.warning(At(25).now()) == ""
    assert life.days_left(At(25).now()) == 0
    assert SessionLife(MADE, 30).days_left(At(31).now()) == -1


async def test_the_warning_stands_until_the_next_sign_in(tmp_path: Path) -> None:
    attention, clock = FakeAttention(), At(24)
    look = SessionEnds(settings(tmp_path), attention, clock)
    await look()
    assert attention.standing == {}
    stored(tmp_path)
    await look()
    assert set(attention.standing) == {ENDS}
    clock.days = 1
    await look()
    assert attention.standing == {}


def test_age_and_days_left_are_those_of_the_moment_and_absent_before_a_sign_in(
    tmp_path: Path,
) -> None:
    registry, clock = CollectorRegistry(), At(10)
    registry.register(SessionAge(settings(tmp_path), clock))
    assert generate_latest(registry) == b""
    stored(tmp_path)
    assert registry.get_sample_value("photoduct_icloud_session_age_seconds") == 864_000
    ends = registry.get_sample_value("photoduct_icloud_session_expiry_timestamp_seconds")
    assert ends == (MADE + timedelta(days=30)).timestamp()
    clock.days = 12
    assert registry.get_sample_value("photoduct_icloud_session_days_left") == 18
    stored(tmp_path, Refusal(text="over", until=MADE))
    assert registry.get_sample_value("photoduct_icloud_session_days_left") == 0


def test_the_session_of_another_account_is_not_this_ones(tmp_path: Path) -> None:
    stored(tmp_path)
    other = settings(tmp_path).model_copy(update={"apple_id": "c@d.test"})
    assert store_of(other).read() is None
    assert store_of(settings(tmp_path)).read() is not None


def test_a_crash_that_is_shown_at_a_console_shows_no_local_variables(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = structlog.get_config()
    try:
        set_up_logs("test", LogSettings(format="console"))
        cookie = "only-" + "here"
        try:
            raise ValueError(len(cookie))
        except ValueError:
            structlog.get_logger().exception("It broke.")
    finally:
        structlog.configure(**before)
        structlog.contextvars.clear_contextvars()
    out = capsys.readouterr()
    assert "It broke." in out.out + out.err
    assert "ValueError" in out.out + out.err
    assert "only-here" not in out.out + out.err
