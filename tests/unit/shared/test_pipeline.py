"""The stage table has no dangling events: whatever is sent has a sender, a reader and a subject of its own."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from services.state.policy import reports as applying
from services.state.policy.facts import ASSET_STAGES
from shared.domain import events, questions, work_items
from shared.domain.ids import Kind
from shared.domain.pipeline import (
    METADATA,
    OPERATOR_ASKS,
    REPORTS_SUBJECTS,
    SERVICES,
    STAGE,
    STAGES,
    STATE,
    Stage,
    report_subject,
    reports_of,
    stages_of,
)

SERVICES_FOLDER = Path(__file__).parents[3] / "services"
EVERY_REPORT = get_args(get_args(events.AnyReport)[0])
APPLY = applying._APPLY


def publishers(report: type[events.Report]) -> list[str]:
    return [service.name for service in SERVICES if report in reports_of(service)]


@pytest.mark.parametrize("report", EVERY_REPORT)
def test_each_report_has_a_publisher_a_reader_and_its_own_name(
    report: type[events.Report],
) -> None:
    assert publishers(report)
    assert report in APPLY or report is events.Failed
    (name,) = get_args(report.model_fields["type"].annotation)
    assert name == report.model_fields["type"].default
    assert [other for other in EVERY_REPORT if other.model_fields["type"].default == name] == [
        report
    ]


def test_nothing_is_published_or_applied_that_is_not_a_report() -> None:
    published = {report for service in SERVICES for report in reports_of(service)}
    assert published == set(EVERY_REPORT)
    assert set(APPLY) == published - {events.Failed}


def test_every_report_class_can_be_read_from_the_bus() -> None:
    def leaves(kind: type[events.Report]) -> set[type[events.Report]]:
        below = kind.__subclasses__()
        return set().union(*map(leaves, below)) if below else {kind}

    assert leaves(events.Report) == set(EVERY_REPORT)


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_each_stage_is_worked_on_by_a_service_that_exists(stage: Stage) -> None:
    assert stage.service in {service.name for service in SERVICES}
    assert stage in set(stages_of(stage.service))
    assert STAGE[stage.name] is stage


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_each_stage_can_fail_and_can_succeed(stage: Stage) -> None:
    assert events.Failed in stage.emits
    assert set(stage.emits) - {events.Failed}
    assert all(issubclass(report, events.Outcome) for report in stage.emits)


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_lanes_cover_every_kind_or_are_one(stage: Stage) -> None:
    kinds = tuple(kind.value for kind in Kind)
    assert stage.lanes in {("all",), kinds, (*kinds, METADATA)}


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_each_stage_is_patient_enough_to_try_again(stage: Stage) -> None:
    assert stage.tries > 1
    assert stage.slots > 0
    assert stage.ack_wait >= 30
    assert stage.about


def test_only_stages_about_whole_assets_have_their_work() -> None:
    about_assets = {stage.name for stage in STAGES if issubclass(stage.work, work_items.AssetWork)}
    assert about_assets == ASSET_STAGES


def test_names_subjects_streams_and_consumers_are_unique() -> None:
    lanes = [(stage, lane) for stage in STAGES for lane in stage.lanes]
    for names in (
        [stage.name for stage in STAGES],
        [service.name for service in (*SERVICES, STATE)],
        [stage.stream for stage in STAGES],
        [stage.subject(lane) for stage, lane in lanes],
        [stage.consumer(lane) for stage, lane in lanes],
    ):
        assert len(set(names)) == len(names)


def test_subjects_fit_their_streams() -> None:
    for stage in STAGES:
        for lane in stage.lanes:
            assert stage.subject(lane).rsplit(".", 1)[0] + ".*" == stage.subjects
    for service in SERVICES:
        for report in reports_of(service):
            subject = report_subject(service.name, report)
            assert len(subject.split(".")) == len(REPORTS_SUBJECTS.split("."))
            assert subject.startswith("evt.")


def test_every_service_is_a_folder_and_every_folder_a_service() -> None:
    folders = {path.parent.name for path in SERVICES_FOLDER.glob("*/__init__.py")}
    assert folders == {service.name for service in (*SERVICES, STATE)}


def test_only_icloud_cleanup_may_claim_a_deletion_or_report_one() -> None:
    claiming = [service.name for service in SERVICES if "claim_deletion" in service.asks]
    assert claiming == ["icloud_cleanup"]
    assert "claim_deletion" not in OPERATOR_ASKS
    assert publishers(events.Deleted) == publishers(events.DeletionKept) == ["icloud_cleanup"]
    assert {stage.service for stage in STAGES if events.Deleted in stage.emits} == {
        "icloud_cleanup"
    }


def test_no_report_and_no_work_carries_an_authorisation_that_was_not_asked_for() -> None:
    with_permit = {report for report in EVERY_REPORT if "permit" in report.model_fields}
    assert with_permit == {events.Deleted, events.DeletionKept}
    assert not [stage for stage in STAGES if "permit" in stage.work.model_fields]
    assert "permit" in questions.Claimed.model_fields


def test_every_worker_can_tell_the_person() -> None:
    assert all(events.Attention in service.says for service in SERVICES)
