"""The ordinary run of the tests finds faults that show in one variant of a driver only."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from tests.mutants.running import SOURCES, changed, failures
from tests.mutants.table import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_can_be_made_and_its_cases_are_run(mutant: Mutant) -> None:
    text = (SOURCES / mutant.file).read_text(encoding="utf-8")
    assert text.count(mutant.old) == 1, f"{mutant.file} has changed: change the mutant, too"
    assert mutant.cases
    module = importlib.import_module("tests." + mutant.module.removesuffix(".py").replace("/", "."))
    for case in mutant.cases:
        place: object = module
        for name in case.partition("[")[0].split("::"):
            place = getattr(place, name, None)
        assert place is not None, f"{case} is not among the cases of an ordinary run"


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_is_found(mutant: Mutant, tmp_path: Path) -> None:
    assert failures(changed(mutant, tmp_path), mutant.ids) == set(mutant.ids)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_cases_pass_without_a_mutation() -> None:
    ids = sorted({case for mutant in MUTANTS for case in mutant.ids})
    assert failures(SOURCES.parent, ids) == set()
