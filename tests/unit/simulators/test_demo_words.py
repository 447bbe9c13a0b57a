"""What the demo says: titles fit 80 columns, what waits is named, and why bars end below their totals."""

from __future__ import annotations

from io import StringIO

from rich.console import Console
from rich.progress import Progress

from shared.domain.pipeline import STAGES
from shared.domain.questions import Status
from simulators.demo import report
from simulators.demo.configuration import OVERRIDES
from simulators.demo.progress import STAGE_OF, Bars, Watched, waiting
from simulators.demo.proof import Findings


def screen() -> tuple[Console, StringIO]:
    out = StringIO()
    return Console(file=out, width=80), out


def test_titles_do_not_wrap_and_switches_look_alike() -> None:
    console, out = screen()
    report.overrides(console, OVERRIDES)
    assert "Safety defaults that this demo overrides (its photos are copies)\n" in out.getvalue()
    assert "False" not in out.getvalue()


def test_it_says_why_bars_end_below_their_totals() -> None:
    console, out = screen()
    kept = {"verdict": "keep", "filename": "a.jpg", "asset": "A", "reasons": ["because"]}
    gone = {"verdict": "deleted", "filename": "b.jpg", "asset": "B", "reasons": []}
    report.kept(console, Watched(rows=(kept, gone)), {})
    assert "1 of 2 assets stay in iCloud" in " ".join(out.getvalue().split())
    console, out = screen()
    report.kept(console, Watched(rows=(gone,)), {})
    assert "no failure" not in out.getvalue()


def test_one_difference_is_not_plural() -> None:
    console, out = screen()
    report.verdict(console, Findings(wrong=["x"]))
    assert "The proof failed: 1 difference." in out.getvalue()


def test_what_waits_is_said_once_in_full() -> None:
    console, out = screen()
    text = (
        "IMG_7003.JPG: iCloud answered 500, and so this waits for a while; it is tried again later"
    )
    status = Status(
        counts={"local": {}, "google": {}, "nas": {}, "compression": {}},
        work={}, attention=({"text": text},), totals={"deleted": 0, "assets": 0},
        stage_seconds={}, looked=True,
    )  # fmt: skip
    Bars(Progress(console=console)).show(status)
    assert out.getvalue() == ""  # services that start wait for each other
    bars = Bars(Progress(console=console), patience=0)
    bars.show(status)
    bars.show(status)
    assert " ".join(out.getvalue().split()) == f"waiting: {text}"
    assert set(STAGE_OF.values()) <= {stage.name for stage in STAGES}
    assert waiting({"due": 1, "quarantined": 2, "done": 9}) == (
        "1 due or tried again soon, 2 given up, see below"
    )
