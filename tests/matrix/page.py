"""The page: pure functions from what was found to Markdown, the same for the same run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from itertools import groupby

from storagedriver.driver import Capabilities
from tests.matrix.facts import CHANGED, LIMITS, WHY, unusual
from tests.matrix.outcomes import Outcome, Outcomes, Result
from tests.matrix.servers import SERVERS
from tests.matrix.suites import AREA_NAMES, Suite, area_of

__all__ = ["cell", "make_page"]

NOT_RUN = "not run"
NO_REASON = "**no reason is written down**"
_WORDS: Mapping[Result, str] = {"failed": "**{} failed**", "passed": "{}", "skipped": "{} skipped"}
_INTRODUCTION = """\
# The matrix

What the conformance suite (`storagedriver.testsuites`) gave, by driver, server and area; what each store cannot do,
and why; and what the servers of the tests ignore or get wrong. The tests make this page, from the outcomes of one run:

    ./run tests --slow --matrix=docs/matrix.md

A case that a store cannot be held to is not skipped: it holds the driver to what it declares instead (a driver that
declares that it cannot sign must give no URL). What is declared is below."""
_LEGEND = """\
A number is that of the cases that passed. `-`: the suite has no such cases; those of a missing bucket, of a refusal
and of a server that is not there are in one suite of a server where it can have them. `*`: a case is replaced or left
out, see *Cases that were changed*. `not run`: not in this run, whatever else is said of it."""


def make_page(
    suites: Sequence[Suite], unreadable: Sequence[str], outcomes: Outcomes, versions: Mapping[str, str]
) -> str:
    """The whole page.

    Parameters
    ----------
    suites : sequence of Suite
        All suites that there are.
    unreadable : sequence of str
        The test modules whose suites are not known.
    outcomes : Outcomes
        What was run.
    versions : mapping
        By fixture, the versions of the servers that were met.
    """
    known = sorted(suites)
    sections = [
        _INTRODUCTION,
        _suites(known, unreadable, outcomes),
        _listed("Failed", _failures(known, outcomes)),
        _listed("Skipped", _skips(known, outcomes)),
        _changed(known),
        _capabilities(known),
        _limits(known),
        _servers(known, versions),
        _unproved(),
        _wrong(),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def cell(suite: Suite, area: str, outcomes: Outcomes) -> str:
    """The outcomes of a suite in an area."""
    changed = "*" if any(area_of(case) == area for case in suite.changed) else ""
    cases = suite.areas.get(area, ())
    if not cases:
        return f"-{changed}"
    found = [outcome for outcome in outcomes.of(suite.key) if outcome.case in cases]
    return _counted(cases, found) + changed


def _suites(suites: Sequence[Suite], unreadable: Sequence[str], outcomes: Outcomes) -> str:
    repeated = Counter(suite.name for suite in suites)
    rows = []
    for suite in suites:
        label = suite.name if repeated[suite.name] == 1 else f"{suite.name} ({suite.class_name})"
        cells = [cell(suite, area, outcomes) for area in AREA_NAMES]
        servers = _titles(suite.servers) + (f"; refused by {_titles(suite.refusing)}" if suite.refusing else "")
        rows.append([suite.driver, servers, label, suite.root, _total(suite, outcomes), *cells])
    rows += [
        [_code(module), "", "could not be read", "", NOT_RUN, *[NOT_RUN] * len(AREA_NAMES)] for module in unreadable
    ]
    table = _table(["driver", "server", "suite", "in", "all", *AREA_NAMES], rows)
    return f"## Suites and areas\n\n{_LEGEND}\n\n{table}"


def _total(suite: Suite, outcomes: Outcomes) -> str:
    cases = {case for area in suite.areas.values() for case in area}
    return _counted(cases, [outcome for outcome in outcomes.of(suite.key) if outcome.case in cases])


def _counted(cases: Iterable[str], found: Sequence[Outcome]) -> str:
    """The outcomes in words, the worst first, and how many cases have none."""
    counts = Counter(outcome.result for outcome in found)
    missing = len(set(cases) - {outcome.case for outcome in found})
    parts = [word.format(counts[result]) for result, word in _WORDS.items() if counts[result]]
    if missing:
        parts.append(f"{missing} {NOT_RUN}" if found else NOT_RUN)
    return ", ".join(parts)


def _failures(suites: Iterable[Suite], outcomes: Outcomes) -> Iterator[str]:
    for suite in suites:
        counts = Counter(outcome.case for outcome in outcomes.of(suite.key) if outcome.result == "failed")
        for case, count in sorted(counts.items()):
            yield f"{suite.name} ({suite.class_name}): {_code(case)}{_times(count)}"


def _skips(suites: Iterable[Suite], outcomes: Outcomes) -> Iterator[str]:
    whose: dict[str, list[str]] = {}
    for suite in suites:
        reasons = Counter(outcome.reason for outcome in outcomes.of(suite.key) if outcome.result == "skipped")
        for reason, count in reasons.items():
            whose.setdefault(reason, []).append(f"{suite.name}{_times(count)}")
    for reason, names in sorted(whose.items()):
        yield f"{reason}; in {', '.join(names)}"


def _changed(suites: Iterable[Suite]) -> str:
    rows = []
    for suite in suites:
        for case, how in sorted(suite.changed.items()):
            why = CHANGED.get((suite.driver, " ".join(suite.servers), case), NO_REASON)
            rows.append([f"{suite.name} ({suite.class_name})", _code(case), how, why])
    return f"## Cases that were changed\n\n{_table(['suite', 'case', '', 'why'], rows)}" if rows else ""


def _capabilities(suites: Sequence[Suite]) -> str:
    names = [field.name for field in fields(Capabilities)]
    rows, reasons = [], []
    for driver, group in groupby(suites, key=lambda suite: suite.driver):
        members = list(group)
        variants: dict[Capabilities, list[str]] = {}
        for suite in members:
            variants.setdefault(suite.capabilities, []).append(suite.name)
        wanted: dict[tuple[str, object], None] = {}
        for capabilities, labels in variants.items():
            odd = unusual(capabilities)
            wanted |= dict.fromkeys(odd.items())
            values = [_value(getattr(capabilities, name), odd=name in odd) for name in names]
            whose = "all suites" if len(variants) == 1 else ", ".join(dict.fromkeys(labels))
            rows.append([driver, whose, *values])
        reasons += [
            f"- **{driver}**, {_code(name)} {_value(value)}: {WHY.get((driver, name, value), NO_REASON)}"
            for name, value in wanted
        ]
    text = "What each suite declares of its driver and is held to; the class `Capabilities` says what the words mean.\n"
    text += "**Bold**: not what is expected of a store; the reasons are below the table."
    table = _table(["driver", "suites", *(_code(name) for name in names)], rows)
    return f"## Capabilities\n\n{text}\n\n{table}\n\n" + "\n".join(reasons)


def _limits(suites: Iterable[Suite]) -> str:
    rows = []
    for driver in sorted({suite.driver for suite in suites} | set(LIMITS)):
        rows += [[driver, what, why] for what, why in LIMITS.get(driver, [("", NO_REASON)])]
    return f"## What else cannot be done, and why\n\n{_table(['driver', 'what', 'why'], rows)}"


def _servers(suites: Iterable[Suite], versions: Mapping[str, str]) -> str:
    users: dict[str, set[str]] = {name: set() for name in SERVERS}
    for suite in suites:
        for name in suite.servers:
            users[name].add(suite.driver)
    rows = []
    for name, server in SERVERS.items():
        drivers = ", ".join(sorted(users[name])) or "(other tests)"
        rows.append([server.title, server.protocol, versions.get(name, NOT_RUN), drivers, server.checks])
    titles = ["server", "speaks", "version in this run", "suites of the drivers", "checks of who asks"]
    return f"## Servers\n\nAll are real programs, which the tests start.\n\n{_table(titles, rows)}"


def _unproved() -> str:
    rows = []
    for server in SERVERS.values():
        for what, instead in server.ignored:
            row = [server.title, what, instead]
            if row not in rows:
                rows.append(row)
    text = "A case can pass on a server because the server does not look. Of these a number above says nothing:"
    table = _table(["server", "what it ignores", "what proves it instead"], rows)
    return f"## What a pass does not prove\n\n{text}\n\n{table}"


def _wrong() -> str:
    lines = []
    for server in SERVERS.values():
        if server.wrong:
            lines += [f"- **{server.title}** ({server.protocol}):", *(f"  - {one}" for one in server.wrong)]
    return "## What the servers do otherwise than the stores\n\n" + "\n".join(lines)


def _listed(title: str, lines: Iterable[str]) -> str:
    text = "\n".join(f"- {line}" for line in lines)
    return f"## {title}\n\n{text}" if text else ""


def _titles(servers: Sequence[str]) -> str:
    return ", ".join(SERVERS[name].title for name in servers) or "(none)"


def _value(value: object, *, odd: bool = False) -> str:
    text = {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    return f"**{text}**" if odd else text


def _times(count: int) -> str:
    return f" ({count} times)" if count > 1 else ""


def _code(text: str) -> str:
    return f"`{text}`"


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [list(titles), ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(_escaped(text) for text in line) + " |" for line in lines)


def _escaped(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")
