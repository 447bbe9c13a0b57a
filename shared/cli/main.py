"""`photoduct`: the commands; each ends with 0, or with one clear sentence and another status."""

from __future__ import annotations

import os
import sys
from pathlib import Path  # noqa: TC003 - typer reads it at run time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from shared.cli import books, login, running, showing, watching
from shared.cli.asking import Operator, Unknown, with_operator
from shared.domain import questions
from shared.domain.errors import PhotoductError
from shared.domain.pipeline import SERVICES
from shared.runtime.logs import only_problems
from shared.runtime.settings import CONFIG, SettingsError

if TYPE_CHECKING:
    from shared.domain.progress import Progress

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Moves photos and videos out of iCloud without ever risking one.",
)
config_app = typer.Typer(no_args_is_help=True, help="The settings.")
app.add_typer(config_app, name="config")
app.add_typer(books.app, name="state")
app.command("backup")(books.backup)
app.command("up")(running.up)
app.command("init")(running.init)
app.command("login")(login.login)
app.command("watch")(watching.watch)
PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
app.command("demo", context_settings=PASSED_ON)(running.demo)
app.command("compress", context_settings=PASSED_ON)(running.compress)
app.command("unpack", context_settings=PASSED_ON)(running.unpack)
config_app.command("check")(running.check)

AssetIds = Annotated[list[str] | None, typer.Argument(help="iCloud ids of assets.")]
All = Annotated[bool, typer.Option("--all", help="Every asset.")]

_WHY_NOT: Final = {
    "retry": " Nothing of that is in quarantine.",
    "approve": " Only what waits in the album can be approved.",
    "veto": " Only what waits in the album can be kept by a veto.",
    "renew": " Nothing of that was compressed or left yet.",
    "confirm_freed": " Nothing was seen to vanish from the phone and waits to be confirmed.",
    "unfreeze": " Deletions are not frozen.",
}


@app.callback()
def options(
    config: Annotated[Path | None, typer.Option(help="The settings file (config.yaml).")] = None,
) -> None:
    """Take the options that every command shares."""
    if config is not None:
        os.environ[CONFIG] = str(config.absolute())


@app.command()
def status() -> None:
    """Show how far everything is and what needs a person."""

    async def call(one: Operator) -> tuple[questions.Status, list[Progress]]:
        found = await one.ask("status", questions.AskStatus(), questions.Status)
        return found, await one.progress()

    found, under_way = with_operator(call)
    showing.status(found)
    showing.progress(under_way)


@app.command()
def media(
    asset: Annotated[str | None, typer.Argument(help="One asset's files only.")] = None,
) -> None:
    """List the files that photoduct knows."""
    rows = with_operator(lambda one: one.rows("media", asset))
    if asset is not None and not rows:
        raise Unknown(f"There is no asset {asset}. `photoduct pending` lists the ids.")
    showing.media(rows)


@app.command()
def pending() -> None:
    """Show what would be deleted from iCloud, and why the rest stays."""
    showing.pending(with_operator(lambda one: one.rows("pending")))


@app.command()
def failures() -> None:
    """List what is in quarantine, with the reasons."""
    rows = with_operator(lambda one: one.rows("failures"))
    columns = ("icloud_id", "filename", "stage", "failures", "reason")
    showing.table("Quarantine", columns, ([row[name] for name in columns] for row in rows))


@app.command()
def retry(
    assets: AssetIds = None,
    stage: Annotated[str | None, typer.Option(help="Only this stage.")] = None,
    everything: All = False,
) -> None:
    """Try again what is in quarantine."""
    _order("retry", assets, everything, stage)


@app.command()
def approve(assets: AssetIds = None, everything: All = False) -> None:
    """Let these assets pass the brakes on the number of deletions; every other rule still holds."""
    _order("approve", assets, everything)


@app.command()
def veto(assets: AssetIds = None) -> None:
    """Keep these assets in iCloud."""
    _order("veto", assets, everything=False)


@app.command()
def renew(assets: AssetIds = None, everything: All = False) -> None:
    """Compress again by the tiers as they are now what was compressed or left before, from the originals."""
    _order("renew", assets, everything)


@app.command("confirm-freed")
def confirm_freed(assets: AssetIds = None, everything: All = False) -> None:
    """Say that you ran "Free up space" in Google Photos yourself."""
    _order("confirm_freed", assets, everything)


@app.command()
def unfreeze() -> None:
    """Allow deletions again after you have looked at what froze them."""
    _order("unfreeze", [], everything=True)


@app.command()
def run(service: Annotated[str, typer.Argument(help="For example: downloader.")]) -> None:
    """Make one stage work now: it looks at once, and its window stays open for an hour."""
    names = [one.name for one in SERVICES]
    if service not in names:
        raise typer.BadParameter(f"there is no service {service!r}; there are {', '.join(names)}")
    with_operator(lambda one: one.run_now(service))
    showing.console.print(f"{service} was told to work now.")


def _order(name: str, assets: list[str] | None, everything: bool, stage: str | None = None) -> None:
    if not assets and not everything:
        also = "" if name == "veto" else ", or say --all"
        raise typer.BadParameter(f"name at least one asset by its id{also}")
    order = questions.Order(assets=tuple(assets or ()), stage=stage, everything=everything)
    changed = with_operator(lambda one: one.order(name, order))
    showing.console.print(f"{changed} changed.{_WHY_NOT[name] if not changed else ''}")


def main() -> None:
    """Run the command line; every expected failure is one sentence and an exit status."""
    only_problems()
    try:
        app(prog_name="photoduct")
    except SettingsError as error:
        sys.stderr.write("\n".join(error.lines) + "\n")
        sys.exit(2)
    except Unknown as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
    except PhotoductError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(3)
