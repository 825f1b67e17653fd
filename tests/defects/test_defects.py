"""The seeded defects fit the code as it is: each replaces something that is there once, and by something else."""

import ast

import pytest

from defects.defect import CODE, ROOT, Defect
from defects.seeded import DEFECTS


@pytest.mark.parametrize("defect", DEFECTS, ids=str)
def test_a_defect_can_be_planted(defect: Defect) -> None:
    assert defect.occurrences() == 1
    planted = (CODE / defect.file).read_text().replace(defect.line, defect.planted)
    assert ast.dump(ast.parse(planted)) != ast.dump(ast.parse((CODE / defect.file).read_text()))


def test_there_are_at_least_fifteen_and_no_two_of_a_name() -> None:
    assert len({defect.name for defect in DEFECTS}) == len(DEFECTS) >= 15


def test_the_page_on_proof_names_every_defect_and_what_catches_it() -> None:
    page = (ROOT / "docs" / "proof.md").read_text()
    assert [d.name for d in DEFECTS if f"| {d.name} | {d.breaks} | {', '.join(d.suites)} |\n" not in page] == []
