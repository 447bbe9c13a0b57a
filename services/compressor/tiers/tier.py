"""Says what a tier may order, and which tiers a file falls into; pure, it can never read or change a file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal

from pydantic import Discriminator, Tag

from services.compressor.tiers.where import Where, read_where

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.compressor.tiers.where import File


@dataclass(frozen=True, slots=True)
class Still:
    """How a JPEG, HEIC, WebP or AVIF is encoded, and what the rendition has to show; raises ValueError for what cannot be.

    Starts at `quality` (1 to 95, the encoder's own scale) and goes up by 5 for at most `tries` tries until the SSIMULACRA2
    score is `floor` or better (90: not seen when flickering; 80: not side by side; 70: barely). `max_ratio` is the largest
    part of the original's bytes that counts as worth it: when the first try is larger, quality goes down by 10 as far as
    `lowest` (None: not at all), and the floor still decides.
    """

    encoder: str
    quality: int
    floor: float
    max_ratio: float = 0.9
    tries: int = 3
    lowest: int | None = None

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    def __post_init__(self) -> None:
        _check(1 <= self.quality <= 95, "quality must lie between 1 and 95", self.quality)
        _check(0 <= self.floor <= 100, "floor must lie between 0 and 100", self.floor)
        _check(1 <= self.tries <= 10, "tries must lie between 1 and 10", self.tries)
        lowest = self.quality if self.lowest is None else self.lowest
        _check(1 <= lowest <= self.quality, "lowest must lie between 1 and quality", lowest)
        _check_ratio(self.max_ratio)

    @property
    def qualities(self) -> tuple[int, ...]:
        """The qualities to try while the look suffers, in this order."""
        found = (min(self.quality + 5 * n, 95) for n in range(self.tries))
        return tuple(dict.fromkeys(found))

    @property
    def lower_qualities(self) -> tuple[int, ...]:
        """The qualities to try while the rendition is too large, in this order."""
        lowest = self.quality if self.lowest is None else self.lowest
        return tuple(range(self.quality - 10, lowest - 1, -10))


@dataclass(frozen=True, slots=True)
class Reversible:
    """How a JPEG is packed as JPEG XL, from which the original's very bytes can be had back; nothing of it is lost, and no look is judged."""

    encoder: Literal["jxl"]
    max_ratio: float = 0.95

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    def __post_init__(self) -> None:
        _check_ratio(self.max_ratio)


@dataclass(frozen=True, slots=True)
class Lossless:
    """How a PNG is packed anew without changing a pixel; `level` is oxipng's, 0 to 6."""

    encoder: str = "oxipng"
    level: int = 2
    max_ratio: float = 0.98

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    def __post_init__(self) -> None:
        _check(0 <= self.level <= 6, "level must lie between 0 and 6", self.level)
        _check_ratio(self.max_ratio)


@dataclass(frozen=True, slots=True)
class Film:
    """How a video is encoded, and what the rendition has to show; raises ValueError for what cannot be.

    The search starts at x265's `crf` (1 to 51, less is better). While samples fall below `floor` (VMAF, mean of the frames)
    or `floor_p5` (their 5th percentile) it goes down by 2, else up by 3 as far as `worst` (None: not at all), for at
    most `tries` tries. `max_ratio` is the largest part of the original's bytes that counts as worth it.
    """

    encoder: str
    crf: int
    max_ratio: float = 0.9
    floor: float = 93
    floor_p5: float = 90
    tries: int = 4
    worst: int | None = None

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    def __post_init__(self) -> None:
        _check(1 <= self.crf <= 51, "crf must lie between 1 and 51", self.crf)
        _check(0 <= self.floor <= 100, "floor must lie between 0 and 100", self.floor)
        _check(0 <= self.floor_p5 <= 100, "floor_p5 must lie between 0 and 100", self.floor_p5)
        _check(1 <= self.tries <= 10, "tries must lie between 1 and 10", self.tries)
        _check(self.crf <= self.most <= 51, "worst must lie between crf and 51", self.most)
        _check_ratio(self.max_ratio)

    @property
    def most(self) -> int:
        """The largest CRF that may be tried."""
        return self.crf if self.worst is None else self.worst


def _way(given: Any) -> str:
    """Return which of the two ways to treat a JPEG is meant."""
    encoder = given.get("encoder") if isinstance(given, dict) else getattr(given, "encoder", None)
    return "packed" if encoder == "jxl" else "encoded"


Jpeg = Annotated[
    Annotated[Still, Tag("encoded")] | Annotated[Reversible, Tag("packed")], Discriminator(_way)
]
"""What may be ordered for a JPEG."""

FORMS: Final[dict[str, type[Any]]] = {
    "jpeg": Still,
    "heic": Still,
    "png": Lossless,
    "webp": Still,
    "avif": Still,
    "h264": Film,
    "hevc": Film,
}
"""What each kind's setting is made of, but for a JPEG that is packed: see `form_of`."""
_ENCODERS = {
    "jpeg": ("jpegli", "pillow", "jxl"),
    "heic": ("x265",),
    "png": ("oxipng",),
    "webp": ("libwebp",),
    "avif": ("aom",),
    "h264": ("x265",),
    "hevc": ("x265",),
}


@dataclass(frozen=True, slots=True)
class Tier:
    """How hard the files younger than `max_age_days` are compressed (None: no upper age); a kind of None is left as it is.

    `where` narrows it to some of them (None: all).
    Raises ValueError for numbers outside their range and encoders that cannot make the kind.
    """

    name: str
    max_age_days: int | None
    where: Where | None = None
    jpeg: Jpeg | None = None
    heic: Still | None = None
    png: Lossless | None = None
    webp: Still | None = None
    avif: Still | None = None
    h264: Film | None = None
    hevc: Film | None = None

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a tier needs a name")
        if self.max_age_days is not None and self.max_age_days < 1:
            raise ValueError(f"tier {self.name}: max_age_days must be 1 or more")
        for kind, known in _ENCODERS.items():
            setting = getattr(self, kind)
            if setting is not None and setting.encoder not in known:
                names = " or ".join(known)
                raise ValueError(
                    f"tier {self.name}: the encoder of {kind} is {names}, not {setting.encoder}"
                )


def _check(fits: bool, rule: str, value: object) -> None:
    if not fits:
        raise ValueError(f"{rule}, not be {value}")


def _check_ratio(ratio: float) -> None:
    _check(0 < ratio < 1, "max_ratio must lie between 0 and 1", ratio)


def checked_tiers(tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
    """Return `tiers`; raises ValueError unless the last takes every file, each can be reached, and the names are unique."""
    if not tiers or tiers[-1].max_age_days is not None or tiers[-1].where is not None:
        raise ValueError(
            "the last tier must have neither max_age_days nor where: it takes what no other does"
        )
    for n, tier in enumerate(tiers):
        for before in tiers[:n]:
            _check_reached(tier, before)
    if len({tier.name for tier in tiers}) != len(tiers):
        raise ValueError("two tiers have the same name")
    return tiers


def form_of(kind: str, given: dict[str, Any]) -> type[Any]:
    """Return what the setting `given` for `kind` (one of FORMS) is made of."""
    return Reversible if kind == "jpeg" and _way(given) == "packed" else FORMS[kind]


def _check_reached(tier: Tier, before: Tier) -> None:
    longer = before.max_age_days is None or (
        tier.max_age_days is not None and before.max_age_days >= tier.max_age_days
    )
    if longer and before.where in (None, tier.where):
        raise ValueError(
            f"tier {tier.name}: no file can fall into it, as the tier {before.name} before it takes them all; "
            "the first that fits counts, so the younger and the narrower ones come first"
        )


def read_tier(fields: dict[str, Any]) -> Tier:
    """Return the tier that `dataclasses.asdict` took apart; raises TypeError and ValueError for anything else."""
    made = {
        name: form_of(name, value)(**value) if name in FORMS and value is not None else value
        for name, value in fields.items()
    }
    return Tier(**{**made, "where": read_where(fields.get("where"))})


def tiers_for(file: File, tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
    """Return the tiers that the file may be in, now or when it is older, in order; a date in the future is young.

    Which of them are meant for its camera is not known yet: see `of_camera`. `tiers` have passed checked_tiers.
    """
    return tuple(
        tier
        for tier in tiers
        if (tier.max_age_days is None or file.age < timedelta(days=tier.max_age_days))
        and (tier.where is None or tier.where.fits(file))
    )


def asks_camera(tiers: Iterable[Tier]) -> bool:
    """Say whether the file's camera makes a difference."""
    return any(tier.where is not None and tier.where.cameras for tier in tiers)


def of_camera(tiers: Iterable[Tier], spellings: Iterable[str]) -> tuple[Tier, ...]:
    """Return those of `tiers` that are meant for a camera of this name; the first is the file's tier now."""
    names = tuple(spellings)
    return tuple(one for one in tiers if one.where is None or one.where.fits_camera(names))
