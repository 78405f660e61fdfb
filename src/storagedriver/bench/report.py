"""Results as tables: for a terminal, and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import shorten

from storagedriver.bench.summary import Summary

__all__ = ["HEADINGS", "markdown", "rows"]

HEADINGS = ("case", "subject", "rate", "(least - most)", "CPU", "memory", "x as fast", "x the CPU")
_MIB = 1 << 20
#: Of an error's text; the JSON has all of it.
_LONGEST = 100


def rows(found: Sequence[Summary]) -> Iterator[tuple[str, ...]]:
    """A row for each result, under `HEADINGS`.

    The last two columns say how the driver compares: how many times as fast it
    is as the subject of the row, and how many times the CPU it takes.
    """
    for summary in found:
        if summary.rate is None:
            yield (summary.case, summary.subject, "failed: " + shorten(summary.error, _LONGEST), "", "", "", "", "")
            continue
        unit = "MB/s" if summary.is_stream else "/s"
        yield (
            summary.case,
            summary.subject,
            f"{number(summary.rate.median)} {unit}",
            f"({number(summary.rate.least)} - {number(summary.rate.most)})",
            cost(summary),
            f"{summary.memory.median / _MIB:.0f} MiB" if summary.memory else "",
            "" if summary.faster is None else f"{summary.faster:.2f}",
            "" if summary.dearer is None else f"{summary.dearer:.2f}",
        )


def markdown(found: Sequence[Summary]) -> str:
    """The table in Markdown, the name of a case only in its first row."""
    lines = ["| " + " | ".join(HEADINGS) + " |", "|---|---|" + "--:|" * (len(HEADINGS) - 2)]
    before = ""
    for case, *row in rows(found):
        lines.append("| " + " | ".join([case if case != before else "", *row]) + " |")
        before = case
    return "\n".join(lines) + "\n"


def cost(summary: Summary) -> str:
    """The median of the CPU, with its unit."""
    if summary.cost is None:
        return ""
    median = summary.cost.median
    if summary.is_stream:
        return f"{median:.2f} s/GiB"
    return f"{median * 1e3:.2f} ms"


def number(value: float) -> str:
    """Three digits that count, at least."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits
