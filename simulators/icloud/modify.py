"""Applies write operations to a zone as records/modify does: each record is accepted or refused."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from simulators.icloud.records import Field, Json, Record, field_from_wire, merged, timestamp
from simulators.icloud.zone import Zone

_THIRTY_DAYS_MS = 30 * 86_400_000


@dataclass(frozen=True)
class Refusal:
    """Why one record was not written; `code` is CloudKit's serverErrorCode."""

    name: str
    code: str
    reason: str

    def as_json(self) -> Json:
        """The form a refused record has in an answer of HTTP 200."""
        return {"recordName": self.name, "reason": self.reason, "serverErrorCode": self.code}


@dataclass(frozen=True)
class Removed:
    """The record is gone."""

    name: str


Outcome = Record | Removed | Refusal


@dataclass(frozen=True)
class Operation:
    """One operation of a request; an empty name lets the server choose one."""

    kind: str
    name: str
    record_type: str
    change_tag: str
    fields: dict[str, Field]


def parse_operation(raw: Json) -> Operation:
    """Read an operation; raises ValueError with a sentence when it is malformed."""
    record = raw.get("record") if isinstance(raw, dict) else None
    if not isinstance(raw, dict) or not isinstance(record, dict):
        raise ValueError("an operation needs a record")
    fields = record.get("fields") or {}
    if not isinstance(fields, dict):
        raise ValueError("fields must be an object")
    return Operation(
        kind=str(raw.get("operationType", "")),
        name=str(record.get("recordName") or ""),
        record_type=str(record.get("recordType") or ""),
        change_tag=str(record.get("recordChangeTag") or ""),
        fields={name: field_from_wire(name, wire) for name, wire in fields.items()},
    )


def apply_operations(
    zone: Zone,
    operations: list[Operation],
    *,
    atomic: bool,
    now: int,
    scripted: Mapping[str, Refusal] = MappingProxyType({}),
) -> list[Outcome]:
    """Apply a request's operations in order; with `atomic` one refusal refuses them all.

    `scripted` refuses records by name, whatever the zone says.
    """

    def refused(operation: Operation) -> Refusal | None:
        return scripted.get(operation.name) or refusal(zone, operation)

    refusals = {n: r for n, op in enumerate(operations) if (r := refused(op))}
    if atomic and refusals:
        return [
            refusals.get(n) or Refusal(op.name, "ATOMIC_ERROR", "another record was refused")
            for n, op in enumerate(operations)
        ]
    return [refused(operation) or _apply(zone, operation, now) for operation in operations]


def refusal(zone: Zone, operation: Operation) -> Refusal | None:
    """Say why an operation cannot be applied to the zone as it is now."""
    match operation.kind:
        case "create":
            return _refuse_create(zone, operation)
        case "forceDelete" | "forceReplace":
            return None
        case "update" | "forceUpdate" | "replace" | "delete":
            return _refuse_tagged(zone, operation)
        case _:
            return Refusal(operation.name, "BAD_REQUEST", "unknown operationType")


def _refuse_create(zone: Zone, operation: Operation) -> Refusal | None:
    if not operation.record_type:
        return Refusal(operation.name, "BAD_REQUEST", "missing required field 'recordType'")
    if zone.get(operation.name):
        return Refusal(operation.name, "CONFLICT", "record to insert already exists")
    if operation.record_type != "CPLContainerRelation":
        return None
    item, container = (operation.fields.get(name) for name in ("itemId", "containerId"))
    known = all(part and zone.get(str(part.value)) for part in (item, container))
    return None if known else Refusal(operation.name, "NOT_FOUND", "Record not found")


def _refuse_tagged(zone: Zone, operation: Operation) -> Refusal | None:
    record = zone.get(operation.name)
    if record is None:
        return Refusal(operation.name, "NOT_FOUND", "Record not found")
    if operation.kind.startswith("force"):
        return None
    if not operation.change_tag:
        return Refusal(operation.name, "BAD_REQUEST", "missing required field 'recordChangeTag'")
    if operation.change_tag != record.change_tag:
        return Refusal(operation.name, "CAS_OP_LOCK", "oplock")
    return None


def _apply(zone: Zone, operation: Operation, now: int) -> Outcome:
    if operation.kind in ("delete", "forceDelete"):
        zone.remove(operation.name)
        return Removed(operation.name)
    name = operation.name or str(uuid.uuid4()).upper()
    old = zone.get(name)
    keeps = old is not None and operation.kind in ("update", "forceUpdate")
    fields = merged(old.fields if old and keeps else {}, operation.fields)
    kind = old.type if old else operation.record_type
    return zone.write(name, kind, _with_expiry(fields, operation.fields, now), now)


def _with_expiry(fields: dict[str, Field], written: dict[str, Field], now: int) -> dict[str, Field]:
    """Recently Deleted keeps a record for thirty days; taking it out forgets the date."""
    if "isDeleted" not in written:
        return fields
    if "isDeleted" in fields:
        return {**fields, "dateExpunged": timestamp(now + _THIRTY_DAYS_MS)}
    return {name: field for name, field in fields.items() if name != "dateExpunged"}
