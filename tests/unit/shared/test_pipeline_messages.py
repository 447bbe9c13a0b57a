"""Messages survive the bus unchanged, and a message that is not exactly right is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from shared.domain import events, work_items
from shared.domain.events import REPORT
from shared.domain.ids import GoogleLevel, Kind, Resource

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
WORK = work_items.DownloadWork(
    stage="download",
    key=7,
    attempt=3,
    asset="A",
    created=AT,
    zone="PrimarySync",
    resource=Resource.LIVE,
    checksum="c",
    size=10,
    path="2026/11/IMG_1.MOV",
    kind=Kind.VIDEO,
)


def failed() -> events.Failed:
    return WORK.outcome(events.Failed, AT, lasting="transient", reason="no answer")


def test_an_outcome_names_its_task_and_the_same_outcome_has_the_same_id() -> None:
    first = failed()
    assert (first.stage, first.key, first.attempt) == ("download", 7, 3)
    assert first.id == failed().id
    later = WORK.model_copy(update={"attempt": 4})
    assert later.outcome(events.Failed, AT, lasting="transient", reason="again").id != first.id


def test_two_outcomes_of_one_try_have_two_ids() -> None:
    done = WORK.outcome(
        events.Downloaded, AT, sha256="a" * 64, size=10, area="backup", path=WORK.path
    )
    assert done.id != failed().id


def test_a_report_is_read_as_its_own_type() -> None:
    seen = events.GoogleEvidence(id="g", at=AT, media=1, asset="A", level=GoogleLevel.FREED)
    for report in (failed(), seen):
        assert REPORT.validate_json(report.model_dump_json()) == report


@pytest.mark.parametrize(
    "change",
    [{"v": 2}, {"surprise": 1}, {"type": "unheard_of"}, {"lasting": "for ever"}, {"key": "x"}],
)
def test_another_version_or_field_or_value_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        REPORT.validate_python({**failed().model_dump(), **change})


def test_a_message_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        failed().key = 8  # type: ignore[misc]


def test_a_resource_of_an_unknown_kind_cannot_travel_as_a_known_one() -> None:
    with pytest.raises(ValidationError):
        work_items.DownloadWork.model_validate({**WORK.model_dump(), "resource": "jxl"})
