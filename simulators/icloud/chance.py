"""Decides by seed and number who gets what, the same every time; pure."""

from dataclasses import dataclass
from zlib import crc32


@dataclass(frozen=True)
class Chance:
    """Draws lots: the same question always has the same answer."""

    seed: int

    def has(self, what: str, number: int, share: float) -> bool:
        """Whether a number is among the share (0 to 1) that has it."""
        return share > 0 and self._lot(what, number) < share * 2**32

    def between(self, what: str, number: int, low: int, high: int) -> int:
        """Choose a whole number from low to high."""
        return low + self._lot(what, number) * (high - low + 1) // 2**32

    def _lot(self, what: str, number: int) -> int:
        # A CRC alone is linear: neighbours would share their lot.
        return (crc32(f"{what}|{self.seed}|{number}".encode()) * 2_654_435_761) >> 7 & 0xFFFFFFFF
