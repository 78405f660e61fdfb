"""Results as tables: for a terminal, and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import shorten

from storagedriver.bench.results import Result, Spread, of_case, ratio

__all__ = ["HEADINGS", "markdown", "rows"]

HEADINGS = ("case", "subject", "rate", "(least - most)", "CPU", "memory", "x as fast", "x the CPU")
_MIB = 1 << 20
#: Of an error's text; the JSON has all of it.
_LONGEST = 100


def rows(results: Sequence[Result], own: str = "storagedriver") -> Iterator[tuple[str, ...]]:
    """A row for each result, under `HEADINGS`.

    The last two columns say how `own` compares: how many times as fast it is as
    the subject of the row, and how many times the CPU it takes.
    """
    for result in results:
        if result.error:
            yield (result.case, result.subject, "failed: " + shorten(result.error, _LONGEST), "", "", "", "", "")
            continue
        rate = Spread.of(result.rates)
        unit = "MB/s" if result.is_stream else "/s"
        ours = of_case(results, result.case).get(own)
        compared = ("", "")
        if ours is not None and ours is not result:
            faster, dearer = (ratio(ours, result, values).median for values in (_rates, _costs))
            compared = (f"{faster:.2f}", f"{dearer:.2f}")
        yield (
            result.case,
            result.subject,
            f"{number(rate.median)} {unit}",
            f"({number(rate.least)} - {number(rate.most)})",
            cost(result),
            f"{Spread.of(result.memories).median / _MIB:.0f} MiB" if result.memories else "",
            *compared,
        )


def markdown(results: Sequence[Result]) -> str:
    """The table in Markdown, the name of a case only in its first row."""
    lines = ["| " + " | ".join(HEADINGS) + " |", "|---|---|" + "--:|" * (len(HEADINGS) - 2)]
    before = ""
    for case, *row in rows(results):
        lines.append("| " + " | ".join([case if case != before else "", *row]) + " |")
        before = case
    return "\n".join(lines) + "\n"


def cost(result: Result) -> str:
    """The median of the CPU, with its unit."""
    median = Spread.of(result.costs).median
    if result.is_stream:
        return f"{median:.2f} s/GiB"
    return f"{median * 1e3:.2f} ms"


def number(value: float) -> str:
    """Three digits that count, at least."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits


def _rates(result: Result) -> list[float]:
    return result.rates


def _costs(result: Result) -> list[float]:
    return result.costs
