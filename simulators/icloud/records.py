"""CloudKit records as values: fields, tags and resources; nothing here knows HTTP or a clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from simulators.icloud.contents import Content

Fault = Literal["unreadable"]
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

_TIMESTAMPS = frozenset(
    {"assetDate", "addedDate", "userModificationDate", "dateExpunged", "recordModificationDate"}
)
_ABSENT_WHEN_ZERO = frozenset({"isDeleted", "isExpunged"})


@dataclass(frozen=True)
class Resource:
    """The bytes behind an ASSETID field; with a fault they can never be had."""

    content: Content
    file_type: str
    fault: Fault | None = None


@dataclass(frozen=True)
class FingerprintOf:
    """The value of a ...Fingerprint field: the checksum of that resource's bytes."""

    resource: Resource


@dataclass(frozen=True)
class Field:
    """One typed field value as CloudKit sends it."""

    type: str
    value: Json | Resource | FingerprintOf


Fields = Mapping[str, Field]


@dataclass(frozen=True)
class Record:
    """One version of a record; `seq` is the zone's change number, times are epoch milliseconds."""

    name: str
    type: str
    fields: Fields = field(default_factory=dict)
    seq: int = 0
    created: int = 0
    modified: int = 0

    @property
    def change_tag(self) -> str:
        """The opaque tag an update must carry."""
        return base36(self.seq)

    def number(self, name: str) -> int:
        """Read an INT64 or TIMESTAMP field, 0 when it is absent."""
        found = self.fields.get(name)
        return found.value if found and isinstance(found.value, int) else 0

    def text(self, name: str) -> str:
        """Read a STRING or ENCRYPTED_BYTES field, empty when it is absent."""
        found = self.fields.get(name)
        return found.value if found and isinstance(found.value, str) else ""

    @property
    def master_name(self) -> str:
        """The CPLMaster that a CPLAsset refers to, empty for other records."""
        found = self.fields.get("masterRef")
        value = found.value if found else None
        return str(value.get("recordName", "")) if isinstance(value, dict) else ""

    def resources(self) -> dict[str, Resource]:
        """The record's files by field name."""
        return {k: f.value for k, f in self.fields.items() if isinstance(f.value, Resource)}


def base36(number: int) -> str:
    """Write a change number as Apple writes its tags."""
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
    return digits or "0"


def int64(value: int) -> Field:
    """Make an INT64 field."""
    return Field("INT64", value)


def timestamp(value: int) -> Field:
    """Make a TIMESTAMP field from epoch milliseconds."""
    return Field("TIMESTAMP", value)


def string(value: str) -> Field:
    """Make a STRING field."""
    return Field("STRING", value)


def encrypted(value: str) -> Field:
    """Make an ENCRYPTED_BYTES field from text that is already base64."""
    return Field("ENCRYPTED_BYTES", value)


def field_from_wire(name: str, wire: Json) -> Field:
    """Type a written field as the server does; browsers send the value alone.

    Raises ValueError when the field is no object with a value.
    """
    if not isinstance(wire, dict) or "value" not in wire:
        raise ValueError(f"field {name} has no value")
    value = wire["value"]
    kind = wire.get("type")
    return Field(kind if isinstance(kind, str) else _kind_of(name, value), value)


def _kind_of(name: str, value: Json) -> str:
    if name in _TIMESTAMPS:
        return "TIMESTAMP"
    if name.endswith("Enc"):
        return "ENCRYPTED_BYTES"
    if isinstance(value, dict):
        return "REFERENCE"
    return "INT64" if isinstance(value, int) else "STRING"


def merged(old: Fields, written: Fields) -> dict[str, Field]:
    """Apply an update: isDeleted and isExpunged written as 0 (or null) become absent, as at Apple."""
    result = {**old, **written}
    for name in _ABSENT_WHEN_ZERO & written.keys():
        if not written[name].value:
            del result[name]
    return result
