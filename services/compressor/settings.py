"""The compressor's own settings: how hard, when, and on how many files at once; none can make it touch an original."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from services.compressor.tiers.profiles import PROFILES, Profile
from services.compressor.tiers.tier import FORMS, Tier, checked_tiers, form_of
from services.compressor.tiers.where import Where
from shared.adapters.cores import usable_cores
from shared.runtime.rhythm import checked_cron, checked_hours, rest_of_day

if TYPE_CHECKING:
    from collections.abc import Callable

_BYTES = TypeAdapter(ByteSize)


def _left_is_none(tiers: Any) -> Any:
    """People write `heic: leave`; a kind that is not named is left, too. Raises ValueError for names that mean nothing."""
    if not isinstance(tiers, list):
        return tiers
    return [_without_leave(tier) if isinstance(tier, dict) else tier for tier in tiers]


def _without_leave(tier: dict[str, Any]) -> dict[str, Any]:
    place = f"tier {tier.get('name', '?')}"
    _check_names(place, tier, Tier)
    for kind in FORMS:
        if isinstance(value := tier.get(kind), dict):
            _check_names(f"{place}: {kind}", value, form_of(kind, value))
        elif value not in (None, "leave"):
            raise ValueError(f"{place}: {kind} is `leave` or its settings in braces, not {value}")
    made = {name: None if value == "leave" else value for name, value in tier.items()}
    return {**made, "where": _conditions(f"{place}: where", tier.get("where"))}


def _conditions(place: str, given: Any) -> Any:
    """People write sizes as `5MB`."""
    if given is None:
        return None
    if not isinstance(given, dict):
        raise ValueError(
            f"{place} is conditions in braces such as {{albums: [Family]}}, not {given}"
        )
    _check_names(place, given, Where)
    sizes = [name for name in ("smallest", "largest") if given.get(name) is not None]
    return {**given, **{name: _size(f"{place}: {name}", given[name]) for name in sizes}}


def _size(place: str, given: Any) -> int:
    try:
        return int(_BYTES.validate_python(given))
    except ValidationError:
        raise ValueError(
            f"{place} is a number of bytes such as 500kB, 5MB or 5000000, not {given}"
        ) from None


def _check_names(place: str, given: dict[str, Any], form: type[Any]) -> None:
    known = {field.name: field.default is MISSING for field in fields(form)}
    if odd := [name for name in given if name not in known]:
        raise ValueError(f"{place}: there is no such setting as {odd[0]}")
    if lacking := [name for name, needed in known.items() if needed and name not in given]:
        raise ValueError(f"{place}: {lacking[0]} is missing")


OwnTiers = Annotated[
    tuple[Tier, ...], BeforeValidator(_left_is_none), AfterValidator(checked_tiers)
]


class CompressorSettings(BaseModel):
    """The `compressor` part of the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: Profile = "balanced"
    """How hard, by age: `careful`, `balanced` or `small`; docs/compression.md says what each does and saves."""
    reencode_renditions: bool = False
    """true: what grows out of its tier after its original has left the archive (`deletion.keep_originals`) is made
    smaller from its rendition. What that loses against the original is not measured; false leaves it as it is."""
    tiers: OwnTiers | None = None
    """Tiers of your own in place of the profile's, by age, and where you like by album, camera, name and size; the
    first that fits counts. docs/compression.md shows how to write them."""
    during: Annotated[str, AfterValidator(checked_cron)] | None = None
    """A cron pattern (local time) of the minutes in which it may start a file, e.g. `* 0-6 * * *`; null is always.
    What it has taken by then, a long video too, goes on to its end: it would have to begin anew otherwise."""
    quiet_hours: Annotated[str, AfterValidator(checked_hours)] | None = None
    """A part of the day (local time) in which it leaves the machine to others, e.g. `08:00-23:00`; in place of `during`.
    What it has begun goes on to its end."""
    quiet_share: float = Field(default=0.0, ge=0, le=1)
    """The part of the slots that it may use in the quiet hours; 0: it begins nothing then."""
    slots: int = Field(default_factory=usable_cores, ge=1, le=256)
    """Photos and videos at once, together: each uses one core. Where both wait, each gets its share."""
    cpu_share: float = Field(default=1.0, gt=0, le=1)
    """The part of the slots that it may use, e.g. 0.5 for half of the cores; one at least."""
    longest: float = Field(default=6 * 3600.0, gt=0)
    """Seconds after which one video is given up."""
    longest_photo: float = Field(default=900.0, gt=0)
    """Seconds after which one photo is given up."""

    @model_validator(mode="after")
    def _one_window(self) -> Self:
        if self.during and self.quiet_hours:
            raise ValueError("set `during` or `quiet_hours`, not both: each says when it may work")
        return self

    @property
    def window(self) -> str | None:
        """When it may begin a file, as `Service.run` takes it."""
        return self.loud_hours if self.quiet_hours and not self.quiet_share else self.during

    @property
    def loud_hours(self) -> str | None:
        """When all encoders may run; None: always."""
        return rest_of_day(self.quiet_hours) if self.quiet_hours else None

    def encoders_now(self, may_run: Callable[[str | None], bool]) -> int:
        """Say how many encoders may run at once, by what `may_run` says of the hours that are not quiet."""
        if self.window and not may_run(self.window):
            return 0  # what waits here already begins no more than what is still on the bus
        quiet = max(1, min(self.encoders, int(self.slots * self.quiet_share)))
        return self.encoders if may_run(self.loud_hours) else quiet

    @property
    def encoders(self) -> int:
        """How many encoders may run at once."""
        return max(1, int(self.slots * self.cpu_share))

    @property
    def chosen(self) -> tuple[Tier, ...]:
        """The tiers that count: one's own, else the profile's."""
        return self.tiers or PROFILES[self.profile]
