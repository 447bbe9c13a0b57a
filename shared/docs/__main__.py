"""`python -m shared.docs` writes the made pages; `--check` writes nothing and exits 1 when one is out of date."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from shared.docs import bus, picture, states

ROOT = Path(__file__).parents[2]


def pages(root: Path) -> dict[Path, str]:
    """Return what each made page of a checkout should say."""
    readme = root / "README.md"
    return {
        root / "docs/events.md": bus.page(),
        root / "docs/states.md": states.page(),
        readme: picture.within(readme.read_text()),
    }


def outdated(root: Path) -> dict[Path, str]:
    """Return the pages that do not say what they should, with what they should say."""
    return {
        path: text
        for path, text in pages(root).items()
        if not path.exists() or path.read_text() != text
    }


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Write or check the pages below `root`; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m shared.docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when outdated")
    check = parser.parse_args(arguments).check
    old = outdated(root)
    for path, text in old.items():
        if not check:
            path.write_text(text)
        sys.stdout.write(f"{'out of date' if check else 'written'}: {path.relative_to(root)}\n")
    return 1 if check and old else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
