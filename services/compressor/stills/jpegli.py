"""Holds jpegli as PyPI's pyjpegli has it, None on a machine for which there is no wheel; it does nothing itself."""

from __future__ import annotations

from typing import Any, Final

try:
    import pyjpegli as _found  # type: ignore[import-not-found,unused-ignore]
except ImportError:
    _found = None

JPEGLI: Final[Any] = _found
"""`encode` takes RGB bytes and makes 4:2:0; `decode` raises RuntimeError with libjpeg's words, warnings of damage too."""
