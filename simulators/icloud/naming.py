"""Names the records of a synthetic block so that a name leads back to its number; pure."""

import hashlib
from dataclasses import dataclass
from typing import Literal

Sort = Literal["asset", "master"]
_DIGITS = 12


@dataclass(frozen=True)
class Naming:
    """The beginnings of a block's names; the number follows in hexadecimal digits."""

    asset: str
    master: str
    gone: str

    @classmethod
    def of(cls, *block: object) -> "Naming":
        """Make the names of a block from what tells it from other blocks."""
        digest = hashlib.sha256("|".join(map(str, block)).encode()).hexdigest().upper()
        return cls(_front(digest[:20]), f"A{digest[20:35].lower()}", _front(digest[36:56]))

    def asset_id(self, number: int) -> str:
        """Name an asset."""
        return f"{self.asset}{number:012X}"

    def master_id(self, number: int) -> str:
        """Name the master of a number."""
        return f"{self.master}{number:012x}"

    def gone_id(self, place: int) -> str:
        """Name what was deleted long ago at a place among the changes."""
        return f"{self.gone}{place:012X}"

    def read(self, name: str) -> tuple[Sort, int] | None:
        """Say what a name is and of which number; None for no name of these."""
        number = _number(name[-_DIGITS:])
        if number is None:
            return None
        if name == self.asset_id(number):
            return "asset", number
        return ("master", number) if name == self.master_id(number) else None


def _front(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-"


def _number(digits: str) -> int | None:
    try:
        return int(digits, 16)
    except ValueError:
        return None
