"""The demo's part in containers: makes the library, sets the stage, and proves from outside; it starts nothing.

    python -m simulators.demo.containers library     a library, the password of its Apple account, the phone's habits
    python -m simulators.demo.containers stage       the archive's marker, the settings, the sign-in
    python -m simulators.demo.containers prove       plays the phone's owner until all rests, then proves

`/demo` is the outside world's own folder. Nothing here works without PHOTODUCT_DEMO=1: it writes settings that delete.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import yaml
from rich.console import Console

from services.nas_sync.nas import MARKER, init_archive
from shared.adapters.icloud_settings import ICloudSettings
from shared.adapters.icloud_signin import life_of, login
from shared.cli.asking import operator
from shared.runtime.settings import load_common, load_section
from simulators.demo import configuration, report
from simulators.demo.apple import APPLE_ID, Apple
from simulators.demo.owner import Owner
from simulators.demo.progress import NotFinished, Watched, watch
from simulators.demo.proof import google_holds, nas_holds, prove as compare
from simulators.demo.scene import expected, plants
from simulators.library import generate
from simulators.phone.launch import PhoneTold

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.domain.questions import Status
    from simulators.demo.proof import Findings

DEMO: Final = Path("/demo")
NAS: Final = Path("/nas")
CONFIG: Final = Path("/config")
PHONE: Final = "http://syncthing:8384"
DEADLINE_S: Final = 600.0
SAY_EVERY_S: Final = 10.0
LIBRARY, RUN, GOOGLE = DEMO / "library", DEMO / "icloud", DEMO / "google"


def library() -> int:
    """Make what the outside world holds at the beginning; done already when it is there."""
    if not (LIBRARY / "library.json").exists():
        generate(LIBRARY, size="full" if os.environ.get("DEMO_SIZE") == "full" else "small")
    for folder in (RUN, GOOGLE):
        folder.mkdir(exist_ok=True)
    password = RUN / "apple-password"
    if not password.exists():
        password.write_text(secrets.token_urlsafe(12))
    habits = {"delete_by_hand": ["deleted-by-hand"], "never_upload": []}
    (DEMO / "persona.json").write_text(json.dumps(habits))
    return 0


def stage() -> int:
    """Make the archive, write the settings and sign in, each unless it was done before."""
    if not (NAS / MARKER).exists():
        init_archive(NAS)
    apple = Apple.found(RUN)
    told = json.loads((DEMO / "phone-run" / "phone.json").read_text())
    phone = PhoneTold(**{**told, "rest_url": PHONE, "truth_url": PHONE})
    ca = CONFIG / "demo-ca.pem"
    shutil.copy(apple.ca, ca)
    engine = os.environ.get("DEMO_ENGINE") or "pyicloud"
    made = configuration.in_containers(APPLE_ID, phone, ca, engine)
    (CONFIG / "config.yaml").write_text(yaml.safe_dump(made, sort_keys=False))
    session = load_section("icloud", ICloudSettings)
    if life_of(session) is None:
        login(session, (RUN / "apple-password").read_text(), apple.code)
    return 0


def prove() -> int:
    """Wait until nothing moves any more and compare; 0 when nothing is missing."""
    console, watched = Console(width=110), Watched()
    report.overrides(console, configuration.OVERRIDES)
    deadline = float(os.environ.get("DEMO_DEADLINE") or DEADLINE_S)
    wrong = []
    try:
        asyncio.run(_until_it_rests(console, watched, deadline))
    except NotFinished as error:
        wrong.append(f"the pipeline did not come to rest within {deadline:.0f} s: {error}")
    found = _judge()
    found.wrong[:0] = wrong
    report.totals(console, watched)
    report.kept(console, watched, plants(LIBRARY))
    report.verdict(console, found)
    return 1 if found.wrong else 0


def _judge() -> Findings:
    truth = Apple.found(RUN).truth()
    return compare(truth, google_holds(GOOGLE), nas_holds(NAS), expected(LIBRARY))


async def _until_it_rests(console: Console, watched: Watched, deadline: float) -> None:
    owner, said = Owner(PHONE), 0.0
    async with operator(load_common()) as one:

        async def each(status: Status) -> None:
            nonlocal said
            await owner.look(status)
            if time.monotonic() - said >= SAY_EVERY_S:
                said = time.monotonic()
                gone, every = status.totals["deleted"], status.totals["assets"]
                console.print(f"{gone} of {every} assets deleted; work: {dict(status.work)}")

        await watch(one.ask, each, watched, deadline)


PARTS: Final[dict[str, Callable[[], int]]] = {"library": library, "stage": stage, "prove": prove}


def main() -> int:
    """Play one part; 2 where it may not."""
    part = PARTS.get(sys.argv[1] if len(sys.argv) > 1 else "")
    if part is None or os.environ.get("PHOTODUCT_DEMO") != "1":
        sys.stderr.write("The demo runs with deploy/demo.env alone: it overwrites settings.\n")
        return 2
    return part()


if __name__ == "__main__":
    sys.exit(main())
