"""Pictures: of streams, how fast they are and what they cost; of all, how the driver compares with its peers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from storagedriver.bench.results import Result, Spread
from storagedriver.bench.summary import Summary

__all__ = ["compare", "means", "plot"]

_OWN = "tab:blue"
_OTHERS = "lightgray"
_BAR = 0.32
#: From here on a ratio is shown without decimals.
_LARGE = 10
_FASTER, _SLOWER = "tab:blue", "tab:orange"


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


def means(found: Sequence[Summary], cases: Sequence[str]) -> dict[str, float]:
    """How many times as fast as each peer the driver is: the geometric mean over cases, the largest first.

    Parameters
    ----------
    found : sequence of Summary
        What was measured on one storage.
    cases : sequence of str
        The names of the cases. A peer that was not measured in one of them, or
        failed there, is judged by the others.
    """
    ratios: dict[str, list[float]] = {}
    for summary in found:
        if summary.case in cases and summary.faster:
            ratios.setdefault(summary.subject, []).append(summary.faster)
    mean = {subject: math.exp(sum(map(math.log, values)) / len(values)) for subject, values in ratios.items()}
    return dict(sorted(mean.items(), key=lambda item: -item[1]))


def compare(
    found: Sequence[Summary], groups: Mapping[str, Sequence[str]], names: Mapping[str, str], title: str, target: Path
) -> None:
    """Draw how many times as fast as its peers the driver is, in groups of cases. Without a peer there is no picture.

    Parameters
    ----------
    found : sequence of Summary
        What was measured on one storage.
    groups : mapping
        The cases of each group, by its heading.
    names : mapping
        The peers that are drawn, with what they are called there.
    title : str
        The first line of the picture.
    target : Path
        The file; its suffix says the format.
    """
    bars = {
        heading: {names[subject]: mean for subject, mean in means(found, cases).items() if subject in names}
        for heading, cases in groups.items()
    }
    bars = {heading: values for heading, values in bars.items() if values}
    if not bars:
        return
    every = [mean for values in bars.values() for mean in values.values()]
    low, high = min([0.8, *every]), max([1.25, *every])
    figure = Figure(figsize=(8, 1.3 + sum(0.5 + 0.27 * len(values) for values in bars.values())), layout="constrained")
    heights = [len(values) + 1 for values in bars.values()]
    panels = figure.subplots(len(bars), 1, squeeze=False, sharex=True, height_ratios=heights)[:, 0]
    for axes, (heading, values) in zip(panels, bars.items(), strict=True):
        axes.set_title(heading, loc="left", fontweight="bold", fontsize=12)
        for place, mean in enumerate(values.values()):
            axes.barh(place, mean - 1, left=1, color=_FASTER if mean >= 1 else _SLOWER, height=0.7)
            axes.annotate(
                f"{mean:.2f}\N{MULTIPLICATION SIGN}" if mean < _LARGE else f"{mean:.0f}\N{MULTIPLICATION SIGN}",
                (mean, place),
                xytext=(4 if mean >= 1 else -4, 0),
                textcoords="offset points",
                ha="left" if mean >= 1 else "right",
                va="center",
                fontsize=11,
            )
        axes.axvline(1, color="black", lw=1)
        axes.set_xscale("log")
        axes.set_xlim(low / 1.35, high * 1.35)
        axes.set_yticks(range(len(values)), list(values), fontsize=11)
        axes.invert_yaxis()
        axes.tick_params(axis="both", which="both", length=0)
        axes.set_xticks([], minor=True)
        axes.set_xticks([])
        axes.spines[:].set_visible(False)
    figure.suptitle(title, fontsize=13)
    figure.supxlabel(
        "orange: storagedriver is slower  |  blue: storagedriver is faster  |  black line: as fast", fontsize=11
    )
    figure.savefig(target, dpi=150)
