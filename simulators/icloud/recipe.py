"""What a synthetic library is to hold, as read from `photos=2000,bytes=2000000-3000000`; pure."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from simulators.icloud.library import LibraryError

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0, le=10_000_000)]
MOST_BYTES = 1 << 40


class Recipe(BaseModel):
    """One synthetic library. What is no number is a share of the photos, each chosen by the seed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    photos: Count = 0
    bytes: str = "100"
    """Size of a photo: one number, or two with a minus between."""
    videos: Count = 0
    video_bytes: str = "5000000"
    seed: int = 1
    live: Share = 0
    live_bytes: str = "1000000"
    edited: Share = 0
    raw: Share = 0
    favorite: Share = 0
    hidden: Share = 0
    shared_master: Share = 0
    """Assets that show the master of the asset before them."""
    burst: Share = 0
    """Assets that belong to bursts of five."""
    slow_motion: Share = 0
    """Videos with an adjustment and no rendered resource."""
    described: Share = 0
    """Assets with keywords, caption and place."""
    odd: Share = 0
    """Assets whose file name or item type is missing, plain or invalid."""
    albums: Count = 0
    per_album: Annotated[int, Field(ge=1)] = 1
    folders: Count = 0
    """Folders that the albums lie in, each inside the one before."""
    zone: str = "PrimarySync"
    """SharedSync stands for a shared library's zone, CMM and SharedCollection for those to skip."""
    database: Literal["private", "shared"] = "private"
    warm: bool = False
    """Hash everything before the program says that it is ready."""

    @model_validator(mode="after")
    def _ranges_are_numbers(self) -> Self:
        for text in (self.bytes, self.video_bytes, self.live_bytes):
            size_range(text)
        return self

    @property
    def total(self) -> int:
        """How many assets."""
        return self.photos + self.videos


def size_range(text: str) -> tuple[int, int]:
    """Read `100` or `100-200`, in bytes; raises ValueError."""
    low, _, high = text.partition("-")
    sizes = int(low), int(high or low)
    if not 1 <= sizes[0] <= sizes[1] <= MOST_BYTES:
        raise ValueError(f"{text} is no size and no range of sizes")
    return sizes


def parse_recipe(text: str) -> Recipe:
    """Read the command line's form; raises LibraryError with one sentence."""
    pairs = (part.partition("=") for part in text.split(",") if part.strip())
    return recipe_from({key.strip(): value.strip() for key, _, value in pairs})


def recipe_from(values: dict[str, object]) -> Recipe:
    """Read a recipe's settings by name; raises LibraryError with one sentence."""
    texts = {k: str(v) if k.endswith("bytes") else v for k, v in values.items()}
    try:
        return Recipe.model_validate(texts)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise LibraryError(f"the synthetic library: {place}: {first['msg']}") from error
