"""Makes the bus's streams and consumers as its admin, once it runs; `python -m shared.runtime.making_streams`."""

from __future__ import annotations

from shared.adapters.jetstream import Login
from shared.runtime.bootstrap import bootstrap
from shared.runtime.logs import set_up_logs
from shared.runtime.permissions import ADMIN
from shared.runtime.service import start
from shared.runtime.settings import load_common


async def main() -> None:
    """Make what the stage table says; doing it again changes nothing."""
    common = load_common()
    set_up_logs("streams", common.logs)
    secret = common.secrets / ADMIN
    await bootstrap(Login(common.nats.url, ADMIN, secret, common.nats.ca))


if __name__ == "__main__":
    start(main)
