"""The message of a task, made from the facts at the moment of publishing; it carries everything the worker needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.state.policy.facts import ASSET_STAGES
from services.state.policy.renditions import candidate_of
from shared.domain import work_items
from shared.domain.ids import Kind, Resource
from shared.domain.pipeline import STAGE

if TYPE_CHECKING:
    from services.state.policy.facts import Asset, Media, Task


def body(asset: Asset, task: Task) -> work_items.Work:
    """Return the work message of a task."""
    head = {
        "stage": task.stage,
        "key": task.key,
        "attempt": task.attempt,
        "asset": asset.icloud_id,
        "created": asset.created,
    }
    if task.stage in ASSET_STAGES:
        return work_items.AssetWork(
            **head,
            zone=asset.zone,
            change_tag=asset.change_tag,
            files=_files(asset),
            was_pending=asset.was_pending,
        )
    media = next(media for media in asset.media if media.id == task.key)
    if task.stage == "download":
        return _download(head, asset, media)
    file = {
        **head,
        "file": _file(media),
        "filename": asset.filename,
        "kind": Kind(media.kind),
        "nas_path": media.nas_path,
        "albums": asset.albums if task.stage == "compress" else (),
        "local": media.on_disk,
        **_present(task.stage, media),
    }
    if STAGE[task.stage].work is work_items.RenditionWork:
        return work_items.RenditionWork(**file, **_rendition(media))
    if task.stage == "compress" and media.has_rendition and media.has_no_original:
        file["from_rendition"] = media.rendition_sha256
    return work_items.FileWork(**file)


def _present(stage: str, media: Media) -> dict[str, Any]:
    """Return which rendition lies in the archive, for the stages that make a smaller one or put an original behind it."""
    if stage not in {"compress", "nas"} or not media.has_rendition:
        return {}
    names = ("path", "size", "sha256")
    return {f"present_{name}": getattr(media, f"rendition_{name}") for name in names}


def _rendition(media: Media) -> dict[str, Any]:
    """Return which rendition is to be placed, and over which."""
    names = ("rendition_path", "rendition_sha256", "rendition_size")
    present = {name: getattr(media, name) for name in names}
    if media.compression != "renewing":
        return present
    new = {name: candidate_of(media)[name] for name in names}
    alone = media.nas == "released"
    return {**new, "former_sha256": media.rendition_sha256, "alone": alone}


def _download(head: dict[str, object], asset: Asset, media: Media) -> work_items.DownloadWork:
    return work_items.DownloadWork.model_validate(
        {
            **head,
            "zone": asset.zone,
            "resource": Resource(media.resource),
            "checksum": media.checksum,
            "size": media.listed_size,
            "path": media.path,
            "kind": Kind(media.kind),
            "albums": asset.albums if media.is_metadata else (),
        }
    )


def _files(asset: Asset) -> tuple[work_items.FileRef, ...]:
    return tuple(_file(media) for media in asset.media if media.on_disk)


def _file(media: Media) -> work_items.FileRef:
    return work_items.FileRef(
        media=media.id,
        resource=Resource(media.resource),
        area=media.area,
        path=media.path,
        sha256=media.sha256 or "",
        size=media.initial_size or 0,
    )
