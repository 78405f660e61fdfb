"""A picture of streams: how fast they are, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from storagedriver.bench.results import Result, Spread

__all__ = ["plot"]

_OWN = "tab:blue"
_OTHERS = "lightgray"
_BAR = 0.32


def plot(results: Sequence[Result], title: str, target: Path, own: str = "storagedriver") -> None:
    """Draw the medians of all streams that were measured, with their extremes, as a PNG or whatever the suffix says."""
    streams = [result for result in results if result.is_stream and not result.error]
    cases = list(dict.fromkeys(result.case for result in streams))
    bars = [[result for result in streams if result.case == case] for case in cases]
    height = sum(len(group) for group in bars) + len(bars)
    figure = Figure(figsize=(10, 1 + _BAR * max(height, 4)), layout="constrained")
    speed, cpu = figure.subplots(1, 2, sharey=True)
    labels: list[tuple[float, str]] = []
    position = 0.0
    for case, group in zip(cases, bars, strict=True):
        labels.append((position, case))
        position += 1
        for result in group:
            color = _OWN if result.subject == own else _OTHERS
            for axes, values in ((speed, result.rates), (cpu, result.costs)):
                spread = Spread.of(values)
                extremes = [[spread.median - spread.least], [spread.most - spread.median]]
                axes.barh(position, spread.median, color=color, xerr=extremes, error_kw={"lw": 0.8, "ecolor": "gray"})
            labels.append((position, result.subject))
            position += 1
    speed.set_yticks([place for place, _ in labels], [label for _, label in labels])
    for tick, (_, label) in zip(speed.get_yticklabels(), labels, strict=True):
        tick.set_fontweight("bold" if label in cases else "normal")
    speed.invert_yaxis()
    speed.set_xlabel("MB/s (more is better)")
    cpu.set_xlabel("client CPU, s/GiB (less is better)")
    figure.suptitle(title)
    figure.savefig(target, dpi=110)
