"""Writes `config.example.yaml`: every setting with its meaning and default, from the settings' own models; it invents none.

python -m services.reference [--check]
"""

from __future__ import annotations

import sys
import textwrap
from dataclasses import fields, is_dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from services.sections import SECTIONS
from shared.docs.models import own_fields, summary
from shared.runtime.settings import Common

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[1]
FILE: Final = "config.example.yaml"
WIDTH: Final = 110
HEAD: Final = """\
# Every setting of photoduct with its default. Copy what you change into config.yaml; leave out the rest.
# docs/first-steps.md leads through the few that a start needs.
# A setting can also come from the environment: PHOTODUCT_<SECTION>__<FIELD>, e.g. PHOTODUCT_NAS__ROOT=/mnt/nas.
# Lengths of time: 30s, 15m, 24h, 14d. Rhythms: such a length, or a cron pattern in local time ("0 3 * * *").
# `photoduct config check` names every wrong setting. Made by `python -m services.reference` from the models.
"""


def page() -> str:
    """Return the whole file."""
    parts = [HEAD]
    for name, field in Common.model_fields.items():
        value = field.default
        if isinstance(value, BaseModel):
            parts.append(section(name, type(value)))
        else:
            parts.append("\n".join(_entry(Common, name, value, indent="")) + "\n")
    parts.extend(section(name, model) for name, model in SECTIONS.items())
    return "\n".join(parts)


def section(name: str, model: type[BaseModel]) -> str:
    """Return one section with a comment above each field."""
    lines = [f"# {summary(model)}", f"{name}:"]
    for field, info in model.model_fields.items():
        default = info.default if info.default is not PydanticUndefined else None
        value = "cores" if info.default_factory is not None else default
        lines.extend(_entry(model, field, value, indent="  "))
    return "\n".join(lines) + "\n"


def _entry(model: type[BaseModel], name: str, value: Any, *, indent: str) -> Iterator[str]:
    said = next((one.about for one in own_fields(model) if one.name == name), "")
    for line in textwrap.wrap(said, WIDTH - len(indent) - 2):
        yield f"{indent}# {line}"
    if value == "cores":
        yield f"{indent}# {name}: by default the number of processor cores"
        return
    text = yaml.safe_dump({name: plain(value)}, sort_keys=False, width=WIDTH).rstrip()
    yield textwrap.indent(text, indent)


def plain(value: Any) -> Any:
    """Return a default as YAML says it."""
    if isinstance(value, timedelta):
        return span(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    if isinstance(value, BaseModel):
        return {name: plain(getattr(value, name)) for name in type(value).model_fields}
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    return value


def span(value: timedelta) -> str:
    """Return a length of time in the largest unit that fits."""
    seconds = int(value.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def main() -> int:
    """Write the file, or with --check say whether it is up to date."""
    file = ROOT / FILE
    if "--check" in sys.argv[1:]:
        return int(file.read_text() != page())
    file.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
