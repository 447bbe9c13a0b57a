"""What is scripted to go wrong, when, and how often it did; it does no harm by itself."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from simulators.icloud.records import Json
from simulators.icloud.world import World

Request = Literal[
    "status", "close", "lost", "delay", "throttled", "not_json", "signed_out", "expired", "error_body"
]  # fmt: skip
Download = Literal["truncate", "short", "stall", "flip", "ignore_range"]
Page = Literal["record_error", "bad_token", "empty_page", "split", "garble"]
_IN = "-IN-"
Whole = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(ge=0, le=86_400)]


class Fault(BaseModel):
    """One fault: which requests it is for, when among them, and what happens to those.

    `seconds` is how long a stall or a delay takes, and for all else how long the fault lasts;
    `for_seconds` is how long it lasts, always. Without any `when` it strikes every time.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str = "any"
    asset: str | None = None
    record: str | None = None
    nth: Whole | None = None
    every: Whole | None = None
    probability: Annotated[float, Field(ge=0, le=1)] | None = None
    seed: int = 0
    seconds: Seconds | None = None
    for_seconds: Seconds | None = None
    times: Whole | None = None
    do: Request | Download | Page
    status: Annotated[int, Field(ge=200, le=599)] = 503
    retry_after: str | int | None = None
    body: str = "Service Unavailable"
    bytes: Annotated[float, Field(ge=0)] = 0.5
    """A number of bytes; below 1, a share of what was asked for."""
    code: str = "TRY_AGAIN_LATER"

    @property
    def lasts(self) -> float | None:
        """For how many seconds it stands, None for ever."""
        if self.for_seconds is not None:
            return self.for_seconds
        return None if self.do in ("stall", "delay") else self.seconds

    def cut(self, size: int) -> int:
        """How many bytes of `size` come before it strikes."""
        return min(int(self.bytes if self.bytes >= 1 else self.bytes * size), size)

    def concerns(self, kind: str, names: frozenset[str] | set[str]) -> bool:
        """Whether it is meant for requests of a kind about these records."""
        about = {self.record, self.asset} - {None}
        return self.kind in ("any", kind) and (not about or bool(about & names))


@dataclass
class Rule:
    """A fault with its counters; `until` is in seconds of the monotonic clock."""

    id: int
    fault: Fault
    until: float | None
    lots: random.Random
    seen: int = 0
    fired: int = 0

    def strikes(self, now: float) -> bool:
        """Count one request that it is meant for, and say whether it strikes."""
        if self.until is not None and now >= self.until:
            return False
        self.seen += 1
        if self.fault.times is not None and self.fired >= self.fault.times:
            return False
        return self._is_due()

    def _is_due(self) -> bool:
        fault = self.fault
        if fault.nth is not None:
            return self.seen == fault.nth
        if fault.every is not None:
            return self.seen % fault.every == 0
        return fault.probability is None or self.lots.random() < fault.probability

    def as_json(self) -> Json:
        """The rule with its counters, as the page shows it."""
        told: dict[str, Json] = self.fault.model_dump(exclude_unset=True)
        return {"id": self.id, "seen": self.seen, "fired": self.fired, **told}


@dataclass
class Script:
    """The faults in the order in which they were added; the first that strikes is the one."""

    clock: Callable[[], float]
    rules: list[Rule] = field(default_factory=list)
    _made: int = 0

    def add(self, fault: Fault) -> int:
        """Add a fault, to begin now."""
        self._made += 1
        until = None if fault.lasts is None else self.clock() + fault.lasts
        lots = random.Random(fault.seed)  # noqa: S311  (no secret)
        self.rules.append(Rule(self._made, fault, until, lots))
        return self._made

    def clear(self) -> None:
        """Forget every fault."""
        self.rules.clear()

    def needs_names(self, kind: str) -> bool:
        """Whether any fault for a kind of request asks which records it is about."""
        return any(
            rule.fault.kind in ("any", kind) and (rule.fault.asset or rule.fault.record)
            for rule in self.rules
        )

    def strike(
        self, kind: str, names: frozenset[str] | set[str], does: frozenset[str]
    ) -> Fault | None:
        """Count a request, and give the fault that befalls it among those that do one of `does`."""
        due = list(self._due(kind, names, does))
        if not due:
            return None
        due[0].fired += 1
        return due[0].fault

    def _due(
        self, kind: str, names: frozenset[str] | set[str], does: frozenset[str]
    ) -> Iterator[Rule]:
        now = self.clock()
        for rule in self.rules:
            meant = rule.fault.do in does and rule.fault.concerns(kind, names)
            if meant and rule.strikes(now):
                yield rule


def with_assets(script: Script, world: World, names: set[str]) -> set[str]:
    """Add the assets that names speak of: of memberships, and those the script asks for of masters."""
    names = names | {name.partition(_IN)[0] for name in names if _IN in name}
    asked = {rule.fault.asset for rule in script.rules if rule.fault.asset}
    return names | {asset for asset in asked if _master_of(world, asset) in names}


def _master_of(world: World, asset: str) -> str:
    zone = world.zone_of(asset)
    record = zone.get(asset) if zone else None
    return record.master_name if record else ""
