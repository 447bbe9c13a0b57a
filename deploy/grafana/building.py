"""The few kinds of panels that photoduct's dashboards are made of, so that none is without unit, legend and explanation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grafana_foundation_sdk.builders import bargauge, common, dashboard, stat, timeseries
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    DataSourceRef,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.prometheus import QueryEditorMode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

SOURCE: Final = DataSourceRef(type_val="prometheus", uid="photoduct")
"""The data source of `provisioning/datasources`."""
QUARTER, THIRD, HALF = 6, 8, 12
"""Widths: a dashboard is 24 wide."""
_NUMBER_HIGH, _GRAPH_HIGH = 4, 8
NOT_DONE: Final = 'outcome=~"transient|permanent|unreadable"'
DONE: Final = 'outcome!~"transient|permanent|unreadable"'
DAY: Final = 86_400
FILES: Final = "suffix: files"
FILES_A_SECOND: Final = "suffix: files/s"
RED, ORANGE = "red", "orange"


def per_second(counter: str, by: str) -> str:
    """Return the expression of a counter's growth a second, summed by labels; right at every zoom."""
    return f"sum by ({by}) (rate({counter}[$__rate_interval]))"


def quantile(share: float, buckets: str, by: str) -> str:
    """Return the expression of a histogram's quantile by a label: of late, or since the start where nothing was of late."""
    of_late = f"histogram_quantile({share}, {per_second(buckets, f'{by}, le')})"
    ever = f"histogram_quantile({share}, sum by ({by}, le) ({buckets}))"
    return _or_ever(of_late, ever)


def each(counted: str, of: str) -> str:
    """Return the expression of how much of one counter there is for each unit of another, of late or since the start as above."""
    of_late = f"sum(rate({counted}[$__rate_interval])) / sum(rate({of}[$__rate_interval]))"
    return _or_ever(of_late, f"sum({counted}) / sum({of})")


def _or_ever(of_late: str, ever: str) -> str:
    """Of late it is no number where nothing was counted: nothing by nothing."""
    return f"{of_late} >= 0 or {ever}"


def _query(expr: str, legend: str, ref: str) -> Dataquery:
    made = Dataquery().expr(expr).legend_format(legend).ref_id(ref).datasource(SOURCE)
    return made.editor_mode(QueryEditorMode.CODE)


def _thresholds(steps: Mapping[float, str]) -> dashboard.ThresholdsConfig:
    """Make thresholds from values to the colours that begin there; below all it is green."""
    found = [Threshold(value=None, color="green")]
    found += [Threshold(value=value, color=color) for value, color in steps.items()]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(found)


def number(
    title: str,
    about: str,
    query: tuple[str, str],
    unit: str,
    *,
    steps: Mapping[float, str] | None = None,
    words: Mapping[int, str] | None = None,
) -> Builder[Panel]:
    """Make one large number from `query` (expression, legend); `steps` colour it, `words` stand for values."""
    made = (
        stat.Panel()
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .height(_NUMBER_HIGH)
        .span(QUARTER)
        .unit(unit)
        .thresholds(_thresholds(steps or {}))
        .color_mode(BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .with_target(_query(*query, "A").instant())
    )
    if words:
        told = {str(value): ValueMappingResult(text=word) for value, word in words.items()}
        made.mappings([ValueMap(options=told)])
    return made


def lines(
    title: str,
    about: str,
    queries: Sequence[tuple[str, str]],
    unit: str,
    *,
    span: int = HALF,
    stacked: bool = False,
) -> Builder[Panel]:
    """Make a graph over time of `queries` (expression, legend)."""
    legend = common.VizLegendOptions().display_mode(LegendDisplayMode.TABLE)
    made = (
        timeseries.Panel()
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .height(_GRAPH_HIGH)
        .span(span)
        .unit(unit)
        .min(0)
        .show_points(VisibilityMode.NEVER)
        .fill_opacity(40 if stacked else 10)
        .legend(
            legend.placement(LegendPlacement.RIGHT).show_legend(True).calcs(["lastNotNull", "max"])
        )
    )
    if stacked:
        made.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    for number_, query in enumerate(queries):
        made.with_target(_query(*query, chr(ord("A") + number_)).range())
    return made


def bars(
    title: str, about: str, query: tuple[str, str], unit: str, *, span: int = HALF
) -> Builder[Panel]:
    """Make a bar for each series of `query` as it is now."""
    return (
        bargauge.Panel()
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .height(_GRAPH_HIGH)
        .span(span)
        .unit(unit)
        .min(0)
        .orientation(VizOrientation.HORIZONTAL)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .with_target(_query(*query, "A").instant())
    )


def page(name: str, about: str, rows: Mapping[str, Sequence[Builder[Panel]]]) -> Dashboard:
    """Make a dashboard of named rows of panels."""
    made = (
        dashboard.Dashboard(f"photoduct: {name}")
        .uid(f"photoduct-{name}")
        .description(about)
        .tags(["photoduct"])
        .readonly()
        .timezone("browser")
        .time("now-6h", "now")
        .refresh("30s")
        .tooltip(DashboardCursorSync.CROSSHAIR)
    )
    for row, panels in rows.items():
        made.with_row(dashboard.Row(row))
        for panel in panels:
            made.with_panel(panel)
    return _numbered(made.build())


def _numbered(made: Dashboard) -> Dashboard:
    """Give every panel and row a number of its own: Grafana links to panels by it."""
    for place, panel in enumerate(made.panels or (), 1):
        panel.id_val = place
    return made
