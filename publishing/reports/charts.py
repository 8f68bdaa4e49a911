"""The report's pictures: Altair charts turned into SVG text that stands inside the page.

What belongs here: marks, colours, axes and the words of a picture. What does not: any figure (a chart draws rows of
the marts as they are) and the page around it. Every chart is drawn twice, for a wide page and for a phone, since
text in a scaled picture becomes unreadable; labels are written by `formats`, so they follow the locale.
"""

import json
import math
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from publishing.reports.facts import Facts, Row
from publishing.reports.formats import Formats, shown

if TYPE_CHECKING:
    import altair as alt

INK, MUTED, RULE, PAPER = "#1d2733", "#5d6b7a", "#dfe4ea", "#ffffff"
BLUE, PALE_BLUE, SKY, TEAL, AMBER, RED = "#1f5f8b", "#9dbfd6", "#cfe0ec", "#3c8d87", "#c98a1b", "#b23a2e"
METHODS = ("saleshouse", "crm_haircut", "crm_view", "trailing_three", "seasonal_naive")
PART_COLOURS = {"won": BLUE, "open": "#6f9fc0", "renewals": TEAL, "not_created": SKY}
# The same list as in style.css; vl-convert measures text as the last of them, so none may be much wider.
FONT = "'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif"
WIDE, NARROW = 1000, 350
Text = Callable[[str], str]


def draw(facts: Facts, formats: Formats, words: dict[str, dict[str, str]], text: Text) -> dict[str, Markup]:
    """All pictures that the rows allow, by name; a picture without rows is absent."""
    made: dict[str, Markup] = {}
    for name, make in _CHARTS.items():
        wide = make(facts, formats, words, text, WIDE)
        if wide is None:
            continue
        chart, title, description = wide
        narrow = make(facts, formats, words, text, NARROW)
        caption = Markup("<figcaption>{}</figcaption>").format(description)
        drawn = [_svg(chart, f"{name}-wide", "wide", title, description)]
        if narrow is not None:
            drawn.append(_svg(narrow[0], f"{name}-narrow", "narrow", title, description))
        made[name] = Markup("").join([*drawn, caption])
    return made


Made = tuple["alt.TopLevelMixin", str, str] | None


def _bookings(facts: Facts, formats: Formats, words: dict[str, dict[str, str]], text: Text, width: int) -> Made:
    """Won by month as bars, the target as a tick over each."""
    import altair as alt

    months = [row for row in facts.tables["rpt_monthly"] if row["won_reporting"] is not None]
    months = _last(months, 24 if width == WIDE else 12)
    if not any(row["won_reporting"] for row in months):
        return None
    rows = [
        {
            "month": row["month_start"].isoformat(),
            "won": float(row["won_reporting"]),
            "target": None if row["target_reporting"] is None else float(row["target_reporting"]),
            "colour": PALE_BLUE if row["is_current"] else BLUE,
        }
        for row in months
    ]
    highest = max(max(row["won"], row["target"] or 0) for row in rows)
    base = alt.Chart(alt.Data(values=rows)).encode(x=_month_axis(alt, months, formats, width))
    bars = base.mark_bar(cornerRadiusTopLeft=2, cornerRadiusTopRight=2).encode(
        y=_money_axis(alt, "won", highest, formats), color=alt.Color("colour:N", scale=None)
    )
    targets = base.mark_tick(thickness=2.5, color=INK, width=alt.RelativeBandSize(0.92)).encode(y=alt.Y("target:Q"))
    chart = (bars + targets).properties(width=width - 60, height=210 if width == WIDE else 180)
    return (
        _styled(chart),
        text("Bookings by month against target"),
        text("Bars show what was won in each month, dark lines the target. The pale bar is the month under way."),
    )


def _forecast(facts: Facts, formats: Formats, words: dict[str, dict[str, str]], text: Text, width: int) -> Made:
    """Expected bookings of the periods that can still change: parts stacked, one bar per method, target as a tick."""
    import altair as alt

    periods = [period for period in facts.forecasts() if period["period_end"] >= facts.as_of]
    periods = [*[p for p in periods if p["period_type"] == "month"][:2], *[p for p in periods if p["is_current"]][-1:]]
    rows: list[Row] = []
    for period in periods:
        label = formats.month(period["period_start"]) if period["period_type"] == "month" else period["period_label"]
        for method, parts in period["methods"].items():
            rows += [
                {
                    "period": label,
                    "method": words["method"].get(method, method),
                    "part": words["part"][part],
                    "order": list(PART_COLOURS).index(part),
                    "expected": float(parts[part]),
                    "low": None if parts["p10"] is None else float(parts["p10"]),
                    "high": None if parts["p90"] is None else float(parts["p90"]),
                    "target": None if period["target_reporting"] is None else float(period["target_reporting"]),
                }
                for part in PART_COLOURS
                if parts.get(part)
            ]
    if not rows:
        return None
    labels = list(dict.fromkeys(row["period"] for row in rows))
    methods = [words["method"][method] for method in METHODS if method in words["method"]]
    totals = [float(parts.get("total") or 0) for period in periods for parts in period["methods"].values()]
    highest = max([*totals, *(row["high"] or 0 for row in rows), *(row["target"] or 0 for row in rows)])
    parts = [part for part in PART_COLOURS if any(row["part"] == words["part"][part] for row in rows)]
    names = _labels(alt, 150 if width == WIDE else 130)
    base = alt.Chart().encode(y=alt.Y("method:N", title=None, sort=methods, axis=names))
    bars = base.mark_bar(height=15).encode(
        x=_money_axis(alt, "expected", highest, formats, horizontal=True, ticks=6 if width == WIDE else 3),
        order=alt.Order("order:Q"),
        color=alt.Color(
            "part:N",
            title=None,
            scale=alt.Scale(domain=[words["part"][p] for p in parts], range=[PART_COLOURS[p] for p in parts]),
            legend=_legend(alt, 4 if width == WIDE else 2),
        ),
    )
    targets = base.mark_tick(thickness=2.5, color=INK, height=21).encode(x=alt.X("max(target):Q"))
    ranges = base.mark_rule(strokeWidth=2, color=AMBER).encode(x=alt.X("max(low):Q"), x2=alt.X2("max(high):Q"))
    chart = alt.layer(bars, ranges, targets, data=alt.Data(values=rows)).properties(
        width=width - (185 if width == WIDE else 160), height=24 * len({row["method"] for row in rows})
    )
    faceted = chart.facet(
        row=alt.Row(
            "period:N",
            title=None,
            sort=labels,
            header=alt.Header(
                labelAngle=0, labelAlign="left", labelAnchor="start", labelOrient="top", labelFontWeight=600,
                labelFontSize=13, labelColor=INK, labelPadding=4,
            ),
        ),
        spacing=14,
    )  # fmt: skip
    return (
        _styled(faceted),
        text("Forecast by method and part"),
        text(
            "One bar per method; its parts are stacked. The yellow line is the likely range, the dark one the target "
            "of the period."
        ),
    )


def _funnel(facts: Facts, formats: Formats, words: dict[str, dict[str, str]], text: Text, width: int) -> Made:
    """Conversion of mature cohorts per stage with its 95 % interval; leads and deals side by side."""
    import altair as alt

    panels = []
    for funnel, title in (("lead", text("Leads")), ("deal", text("Deals"))):
        rows = [
            {
                "stage": words["stage"].get(row["stage"], row["stage"]),
                "rate": float(row["conversion_rate"]),
                "low": float(row["wilson_low"]),
                "high": float(row["wilson_high"]),
                "label": formats.percent(row["conversion_rate"]),
            }
            for row in facts.funnel(funnel)
            if row["cohort_basis"] == "dated" and row["conversion_rate"] is not None
        ]
        if not rows:
            continue
        panels.append(
            _shares(alt, rows, formats, 150 if width == WIDE else 110).properties(
                width=(width - 400) / 2 if width == WIDE else width - 165,
                height=26 * len(rows),
                title=alt.TitleParams(title, anchor="start", frame="group", fontSize=13, fontWeight=600, color=INK),
            )
        )
    if not panels:
        return None
    chart = alt.hconcat(*panels, spacing=30) if width == WIDE else alt.vconcat(*panels, spacing=16)
    return (
        _styled(chart),
        text("Share that moves on from each stage"),
        text("Of those that entered a stage in mature months, the share that went on; thin lines are 95% intervals."),
    )


def _origins(facts: Facts, formats: Formats, words: dict[str, dict[str, str]], text: Text, width: int) -> Made:
    """Conversion of leads without dates by their source, the largest sources first, with the 95 % interval."""
    import altair as alt

    rows = [
        {
            "stage": shown(row["source_label"]) if row["source_label"] else text("not stated"),
            "rate": float(row["conversion_rate"]),
            "low": float(row["wilson_low"]),
            "high": float(row["wilson_high"]),
            "label": formats.percent(row["conversion_rate"]),
        }
        for row in facts.tables["rpt_origins"]
        if row["breakdown"] == "source" and row["size_rank"] <= 12
    ]
    if len(rows) < 2:
        return None
    chart = _shares(alt, rows, formats, 200 if width == WIDE else 130).properties(
        width=width - (300 if width == WIDE else 185), height=26 * len(rows)
    )
    return (
        _styled(chart),
        text("Conversion by source"),
        text("Largest sources first; thin lines are 95% intervals."),
    )


def _demand(facts: Facts, formats: Formats, words: dict[str, dict[str, str]], text: Text, width: int) -> Made:
    """Leads by month above, ad spend by month below, on one time axis."""
    import altair as alt

    months = facts.tables["rpt_monthly"]
    known = [number for number, row in enumerate(months) if row["leads"] or row["spend_reporting"]]
    months = _last(months[known[0] :] if known else [], 24 if width == WIDE else 12)
    panels = []
    for field, title, colour, is_money in (
        ("leads", text("New leads"), TEAL, False),
        ("spend_reporting", text("Ad spend"), AMBER, True),
    ):
        rows = [
            {
                "month": row["month_start"].isoformat(),
                "value": None if row[field] is None else float(row[field]),
                "opacity": 0.45 if row["is_current"] else 1,
            }
            for row in months
        ]
        if not any(row["value"] for row in rows):
            continue
        highest = max(row["value"] or 0 for row in rows)
        panels.append(
            alt.Chart(alt.Data(values=rows))
            .mark_bar(color=colour, cornerRadiusTopLeft=2, cornerRadiusTopRight=2)
            .encode(
                x=_month_axis(alt, months, formats, width),
                y=_money_axis(alt, "value", highest, formats, ticks=4, is_money=is_money),
                opacity=alt.Opacity("opacity:Q", scale=None),
            )
            .properties(
                width=width - 60,
                height=100,
                title=alt.TitleParams(title, anchor="start", frame="group", fontSize=13, fontWeight=600, color=INK),
            )
        )
    if not panels:
        return None
    return (
        _styled(alt.vconcat(*panels, spacing=14)),
        text("New leads and ad spend by month"),
        text("The pale bar is the month under way."),
    )


def _speed(facts: Facts, formats: Formats, words: dict[str, dict[str, str]], text: Text, width: int) -> Made:
    """Median days per stage in the last six months, the six before as a ring, three quarters as a tick."""
    import altair as alt

    rows: list[Row] = [
        {
            "stage": words["stage"].get(row["stage"], row["stage"]),
            "median": float(row["median_days"]),
            "p75": float(row["p75_days"]),
            "before": None if row["previous_median_days"] is None else float(row["previous_median_days"]),
            "colour": AMBER if row["is_slowest"] else BLUE,
        }
        for row in facts.tables["rpt_stage_speed"]
        if row["median_days"] is not None
    ]
    if not rows:
        return None
    highest = max(max(row["p75"], row["before"] or 0) for row in rows)
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y("stage:N", title=None, sort=None, axis=_labels(alt, 150 if width == WIDE else 100))
    )
    bars = base.mark_bar(height=14).encode(
        x=_money_axis(alt, "median", highest, formats, horizontal=True, is_money=False),
        color=alt.Color("colour:N", scale=None),
    )
    upper = base.mark_tick(thickness=2, color=INK, height=18).encode(x="p75:Q")
    before = base.mark_point(shape="circle", filled=False, size=55, strokeWidth=1.8, color=INK).encode(x="before:Q")
    chart = (bars + upper + before).properties(width=width - (185 if width == WIDE else 125), height=28 * len(rows))
    return (
        _styled(chart),
        text("Days in each stage"),
        text(
            "Bars: median of the last six months. Rings: the six before. Dark lines: three in four deals leave by then."
        ),
    )


_CHARTS: dict[str, Callable[[Facts, Formats, dict[str, dict[str, str]], Text, int], Made]] = {
    "bookings": _bookings,
    "forecast": _forecast,
    "funnel": _funnel,
    "origins": _origins,
    "demand": _demand,
    "speed": _speed,
}


def meter(share: Any, mark: Any) -> Markup:
    """A thin bar filled to `share` with a line at `mark` (both 0 to 1, cut at 1); nothing without a share."""
    if share is None:
        return Markup("")
    filled = round(min(max(float(share), 0), 1) * 100, 2)
    line = ""
    if mark is not None:
        at = round(min(max(float(mark), 0), 1) * 100, 2)
        line = f'<line x1="{at}" x2="{at}" y1="0" y2="8" stroke="{INK}" stroke-width="0.9"/>'
    return Markup(  # noqa: S704 - numbers only
        '<svg class="meter" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="100" height="5" y="1.5" fill="{RULE}"/><rect width="{filled}" height="5" y="1.5" fill="{BLUE}"/>'
        f"{line}</svg>"
    )


# --- axes and style ------------------------------------------------------------------------------------------


def _shares(alt: Any, rows: Sequence[Row], formats: Formats, label_width: int) -> Any:
    """One bar per row from 0 to its share, the interval as a line over its end, the share in figures beside it."""
    base = alt.Chart(alt.Data(values=list(rows))).encode(
        y=alt.Y("stage:N", title=None, sort=None, axis=_labels(alt, label_width))
    )
    shares = [0, 0.25, 0.5, 0.75, 1]
    axis = alt.Axis(
        values=shares,
        labelExpr=_written({str(share): formats.percent(share) for share in shares}),
        domain=False,
        ticks=False,
        gridColor=RULE,
    )
    bars = base.mark_bar(color=BLUE, height=14).encode(
        x=alt.X("rate:Q", title=None, scale=alt.Scale(domain=[0, 1]), axis=axis)
    )
    intervals = base.mark_rule(color=INK, strokeWidth=1.6).encode(x="low:Q", x2="high:Q")
    numbers = base.mark_text(align="left", dx=6, color=INK, fontWeight=600).encode(x="high:Q", text="label:N")
    return alt.layer(bars, intervals, numbers)


def _last(rows: Sequence[Row], count: int) -> list[Row]:
    return list(rows[-count:])


def _written(labels: dict[str, str]) -> str:
    """A Vega expression that writes each axis value as our text."""
    return f"({json.dumps(labels, ensure_ascii=True)})[toString(datum.value)]"


def _month_axis(alt: Any, months: Sequence[Row], formats: Formats, width: int) -> Any:
    """Months by their short name, the year under each January and under the first; on a phone every third month."""
    labels = {}
    for number, row in enumerate(months):
        start = row["month_start"]
        name = formats.short_month(start)
        labels[start.isoformat()] = f"{name}|{start.year}" if number == 0 or start.month == 1 else name
        if width == NARROW and number and len(months) > 6 and start.month % 3 != 1:
            labels[start.isoformat()] = ""
    return alt.X(
        "month:O",
        title=None,
        sort=None,
        scale=alt.Scale(paddingInner=0.28, domain=list(labels)),
        axis=alt.Axis(
            labelExpr=f"split(({json.dumps(labels, ensure_ascii=True)})[datum.value], '|')",
            labelAngle=0,
            labelOverlap="greedy",
            ticks=False,
            domainColor=MUTED,
            grid=False,
        ),
    )


def _money_axis(
    alt: Any,
    field: str,
    highest: float,
    formats: Formats,
    *,
    horizontal: bool = False,
    ticks: int = 5,
    is_money: bool = True,
) -> Any:
    """An axis from zero with few round values, written by the locale."""
    step = _round_step(highest, ticks)
    values = [step * number for number in range(int(highest / step) + 2)]
    write = formats.money_short if is_money else formats.integer
    labels = {f"{value:g}" if value < 1e21 else str(value): write(value) for value in values}
    labels |= {str(int(value)): write(value) for value in values if value == int(value)}
    axis = alt.Axis(values=values, labelExpr=_written(labels), domain=False, ticks=False, gridColor=RULE)
    channel = alt.X if horizontal else alt.Y
    return channel(f"{field}:Q", title=None, axis=axis, scale=alt.Scale(domain=[0, max(highest * 1.04, step)]))


def _round_step(highest: float, ticks: int) -> float:
    """The smallest of 1, 2, 5 times a power of ten, at least 1, that gives no more than `ticks` steps."""
    power = 10.0 ** max(math.floor(math.log10(max(highest / ticks, 1))), 0)
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power * ticks >= highest)


def _labels(alt: Any, width: int) -> Any:
    fixed = {"labelLimit": width, "minExtent": width, "maxExtent": width}
    return alt.Axis(domain=False, ticks=False, labelPadding=8, labelColor=INK, **fixed)


def _legend(alt: Any, columns: int) -> Any:
    return alt.Legend(orient="top", direction="horizontal", columns=columns, symbolType="square", padding=0, offset=8)


def _styled(chart: Any) -> Any:
    return (
        chart.configure(font=FONT, background=PAPER, padding=2)
        .configure_view(stroke=None)
        .configure_axis(labelFontSize=12.5, labelColor=MUTED, labelFont=FONT)
        .configure_legend(labelFontSize=12.5, labelColor=INK, labelFont=FONT)
        .configure_text(fontSize=12.5, font=FONT)
    )


def _svg(chart: Any, name: str, form: str, title: str, description: str) -> Markup:
    """The chart as SVG that a screen reader names, with ids that no other picture of the page uses."""
    import vl_convert

    svg: str = vl_convert.vegalite_to_svg(chart.to_dict(validate=False), vl_version="6.4")
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r"url\(#", f"url(#{name}-", svg)
    svg = re.sub(r' aria-(label|roledescription)="[^"]*"', "", svg)
    svg = re.sub(r' role="graphics-[a-z]+"', "", svg)
    opening = re.match(r"<svg[^>]*>", svg)
    if opening is None:
        raise ValueError(f"chart {name}: not an SVG")
    size = re.search(r'width="([0-9.]+)".* (viewBox="[^"]*")', opening.group())
    if size is None:
        raise ValueError(f"chart {name}: an SVG without a size")
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart {form}" {size[2]} role="img" '
        f'style="max-width:{float(size[1]) * 1.1:.0f}px" '
        f'aria-labelledby="{name}-title {name}-desc"><title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-desc">{escape(description)}</desc>'
    )
    return Markup(head + svg[opening.end() :])  # noqa: S704 - vl-convert escapes every text
