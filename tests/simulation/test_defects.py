"""Planted defects: the simulation is worth something only if it finds what is wrong."""

import pytest

from simulation.defects import DEFECTS, planted
from simulation.oracle import judge

SEEDS = range(150)


@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_is_found_within_so_many_seeds(name: str) -> None:
    with planted(name):
        found = next((seed for seed in SEEDS if _is_wrong(seed)), None)
    assert found is not None


def _is_wrong(seed: int) -> bool:
    try:
        return bool(judge(seed, rest_seconds=700.0).violations)
    except Exception:
        return True
