"""Reads bits and Exp-Golomb numbers, as H.264 and HEVC write their parameters; pure."""

from __future__ import annotations

_LONGEST = 32  # bits of a number, ITU-T H.264, 9.1


class Bits:
    """Reads bytes bit by bit; ends with IndexError behind their end, and for a number that no stream may have."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def flag(self) -> int:
        """Return one bit."""
        byte = self._data[self._at // 8]
        bit = byte >> (7 - self._at % 8) & 1
        self._at += 1
        return bit

    def take(self, bits: int) -> int:
        """Return the next so many bits."""
        value = 0
        for _ in range(bits):
            value = value << 1 | self.flag()
        return value

    def number(self) -> int:
        """Return an unsigned Exp-Golomb number (9.1)."""
        zeros = 0
        while not self.flag():
            zeros += 1
        if zeros > _LONGEST:
            raise IndexError("a number is too long")
        return (1 << zeros) - 1 + self.take(zeros)

    def numbers(self, many: int) -> None:
        """Pass over so many of them."""
        for _ in range(many):
            self.number()

    def signed(self) -> int:
        """Return a signed one (9.1.1)."""
        number = self.number()
        return (number + 1) // 2 if number & 1 else -(number // 2)


def unguarded(data: bytes) -> bytes:
    """Return a unit's content without the bytes that keep start codes out of it (7.4.1)."""
    return data.replace(b"\0\0\3", b"\0\0")
