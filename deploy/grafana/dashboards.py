"""Makes the dashboards in `made/`: `python -m deploy.grafana.dashboards` writes them, and a test holds them to these pages.

A query never goes without a result: what has not happened is a figure that photoduct shows as 0.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.grafana.compressor import compressor
from deploy.grafana.overview import overview
from deploy.grafana.safety import safety

MADE: Final = Path(__file__).parent / "made"


def made() -> dict[str, str]:
    """Return every dashboard's file name and its JSON."""
    encoder = JSONEncoder(sort_keys=True, indent=2)
    pages = {"overview": overview, "compressor": compressor, "safety": safety}
    return {f"{name}.json": encoder.encode(make()) + "\n" for name, make in pages.items()}


if __name__ == "__main__":
    for name, text in made().items():
        (MADE / name).write_text(text, encoding="utf-8")
