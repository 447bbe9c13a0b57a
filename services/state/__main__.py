"""state: keeps the truth, says what is to be done next, and gives or refuses the permit for each deletion."""

from __future__ import annotations

from contextlib import aclosing
from functools import partial

from services.state.account import Account
from services.state.answers import Answers
from services.state.backup_rhythm import Backups
from services.state.claims import Claims
from services.state.desk import Desk
from services.state.monitoring import Monitoring
from services.state.orders import Orders
from services.state.reconciler import Reconciler
from services.state.settings import StateSettings, Switch, backup_folder, load_policy
from services.state.store import Store
from services.state.truth import Truth
from services.state.waiting import open_books_of
from shared.domain.pipeline import STATE
from shared.domain.questions import BackupNow
from shared.runtime.service import open_service, start
from shared.runtime.settings import load_common, load_section


async def main() -> None:
    """Wire the books to the bus, then run until SIGTERM."""
    common = load_common()
    settings, switch = load_section("state", StateSettings), load_section("icloud_cleanup", Switch)
    rules = load_policy(settings, switch, common.library)
    account = load_section("icloud", Account)
    async with (
        open_service(STATE, common) as service,
        open_books_of(service, settings, common, account) as engine,
    ):
        clock = service.clock
        store = Store(engine, common.library.root, rules)
        truth = Truth(store, rules, clock, lambda _: service.may_run(switch.during))
        truth.take_rules()
        answers = Answers(store, truth, rules, clock)
        claims = Claims(store, rules, clock, truth.situations)
        orders = Orders(store, clock)
        backups = Backups(engine, backup_folder(settings, common), settings.backup, truth, clock)
        monitoring = Monitoring(service.metrics, store, clock, backups, common.data)
        doors, workers = (truth, claims, answers, orders, store), monitoring.workers
        desk = Desk(service.connection, service.publisher, *doors, workers)
        reconciler = Reconciler(service.connection, store, clock, settings.patience)
        reconciling = partial(reconciler.run, desk, truth, settings.reconcile_every)
        watching = monitoring.loops(service.connection, desk, answers)
        async with aclosing(desk):
            await desk.serve()
            await workers.listen(service.connection)
            await service.serve("backup", BackupNow, backups.asked)
            await service.run(
                {}, [*desk.loops(), reconciling, partial(backups.run, desk), *watching]
            )


if __name__ == "__main__":
    start(main)
