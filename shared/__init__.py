"""What the services share; each folder says in its modules what it is for."""

from __future__ import annotations

from typing import Final

VERSION: Final = "0.1.0"
"""The version in pyproject.toml, for where photoduct runs from its source."""
