"""`python -m services.nas_sync.initialise`: makes the mounted NAS folder an archive, once; run by `photoduct init` alone."""

from __future__ import annotations

import sys

from services.nas_sync.nas import init_archive
from shared.domain.errors import PhotoductError
from shared.runtime.settings import SettingsError, load_common


def main() -> int:
    """Make the marker; 0, or one sentence and 2."""
    try:
        root = load_common().nas.root
        archive = init_archive(root)
    except SettingsError as error:
        sys.stderr.write("\n".join(error.lines) + "\n")
        return 2
    except PhotoductError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{root} is now the archive {archive}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
