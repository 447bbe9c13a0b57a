"""One of several programs that share a stored session: at each line of its input it asks iCloud once, or renews for ever."""

import asyncio
import sys
import time
from pathlib import Path

from shared.adapters.icloud_session import open_session
from shared.adapters.icloud_settings import ICloudSettings
from shared.adapters.icloud_signin import resume
from shared.adapters.icloud_transport import CloudKit
from shared.domain.errors import PhotoductError


async def ask(settings: ICloudSettings) -> None:
    """Answer every line with the generation of the session that iCloud took, or with the error."""
    async with open_session(settings) as session:
        cloud = CloudKit(session)
        while await asyncio.to_thread(sys.stdin.readline):
            try:
                await cloud.post("zones/list", {})
                _say((await session.signed()).generation)
            except PhotoductError as error:
                _say(repr(error))


def renew(settings: ICloudSettings) -> None:
    """Renew without end; somebody kills us."""
    generation = None
    while True:
        generation = resume(settings, stale=generation).generation
        _say(generation)
        time.sleep(0.02)  # as nobody renews without a pause, and others want the lock


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    chosen = ICloudSettings.model_validate_json(Path(sys.argv[2]).read_text())
    if sys.argv[1] == "ask":
        asyncio.run(ask(chosen))
    else:
        renew(chosen)
