"""The table of a run, what it says about the targets, and its picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from measure import Row
from system import Survives

OURS = "joinery-sync"
LIMIT = "limit"
COLOURS = {Survives.POWER: "#c2570c", Survives.PROCESS: "#e8a33d", Survives.NOTHING: "#ead9b8"}
COLOUR_OF_OURS = "#0072b2"
COLOUR_OF_LIMIT = "#999999"

# Joinery with `sync` is to be at least so many times as fast.
TARGETS = {LIMIT: 0.25, "redis-memory": 3.0, "nats": 8.0, "bullmq": 50.0}
TARGET_JOBS_PER_S = 1_000_000


def by_name(rows: Sequence[Row]) -> dict[str, float]:
    return {row.system.name: row.jobs_per_s for row in rows if row.rounds}


def table(rows: Sequence[Row]) -> str:
    """Markdown, as it stands in README.md."""
    rates = by_name(rows)
    lines = [
        "| system | durability | client | jobs/s | Joinery `sync` is | of the limit | CPU us per job: server, clients |",
        "|---|---|---|--:|--:|--:|--:|",
    ]
    for row in rows:
        start = f"| {row.system.title} | {row.system.durability} | {row.system.client} |"
        if not row.rounds:
            lines.append(f"{start} not measured: {row.unavailable} | | | |")
            continue
        times = f"{rates[OURS] / row.jobs_per_s:,.2f} x" if OURS in rates else ""
        share = f"{100 * row.jobs_per_s / rates[LIMIT]:.3g} %" if LIMIT in rates else ""
        server = f"{row.median('server_us'):.2f}" if row.median("server_us") else "none"
        cpu = f"{server}, {row.median('client_us'):.2f}"
        lines.append(f"{start} {row.jobs_per_s:,.0f} | {times} | {share} | {cpu} |")
    return "\n".join(lines)


def targets(rows: Sequence[Row]) -> str:
    """One line per target that this run can judge."""
    rates = by_name(rows)
    if OURS not in rates:
        return ""
    lines = [verdict("jobs/s", rates[OURS], TARGET_JOBS_PER_S)]
    for name, least in TARGETS.items():
        if name in rates:
            lines.append(verdict(f"x {name}", rates[OURS] / rates[name], least))
    return "\n".join(lines)


def verdict(what: str, got: float, least: float) -> str:
    shown = f"{got:,.0f}" if got >= 1000 else f"{got:.2f}"
    return f"{'met   ' if got >= least else 'MISSED'}  Joinery sync: {shown} {what}, wanted at least {least:,}"


def disturbance(rows: Sequence[Row]) -> str:
    """What other processes took of the machine meanwhile; above a few per cent the figures are of little use."""
    shares = {row.system.name: max(row.others) for row in rows if row.others}
    if not shares:
        return ""
    worst = max(shares, key=lambda name: shares[name])
    return f"Others took at most {shares[worst]:.0%} of the CPU time meanwhile ({worst})."


def draw(rows: Sequence[Row], path: Path) -> None:
    """A bar for each system on a logarithmic scale, the fastest on top."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "joinery", "font.family": "sans-serif"}
    from matplotlib import pyplot

    shown = sorted((row for row in rows if row.rounds), key=lambda row: row.jobs_per_s)
    figure, axes = pyplot.subplots(figsize=(9, 0.36 * len(shown) + 1.1))
    rates = [row.jobs_per_s for row in shown]
    bars = axes.barh([row.system.title for row in shown], rates, color=[colour(row) for row in shown], height=0.7)
    axes.bar_label(bars, [f"{rate:,.0f}" for rate in rates], padding=4, fontsize=9)
    axes.set_xscale("log")
    axes.set_xlim(min(rates) / 2, max(rates) * 5)
    axes.set_xlabel("jobs per second, put to finish, 100 bytes each (logarithmic)")
    axes.spines[["top", "right"]].set_visible(False)
    colours = [COLOUR_OF_OURS, COLOUR_OF_LIMIT, *COLOURS.values()]
    patches = [pyplot.Rectangle((0, 0), 1, 1, color=each) for each in colours]
    meanings = ["Joinery", "the limit", *(survives.value for survives in COLOURS)]
    axes.legend(patches, meanings, loc="lower right", frameon=False)
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    without_trailing_blanks(path)


def colour(row: Row) -> str:
    if row.system.name == LIMIT:
        return COLOUR_OF_LIMIT
    return COLOUR_OF_OURS if row.system.name.startswith("joinery-") else COLOURS[row.system.survives]


def without_trailing_blanks(path: Path) -> None:
    lines = path.read_text().splitlines()
    path.write_text("".join(f"{line.rstrip()}\n" for line in lines))
