"""Planted defects: the simulation is worth something only if it finds what is wrong."""

import pytest

from simulation import run
from simulation.defects import DEFECTS, planted
from simulation.oracle import judge

SEEDS = range(150)
RARE = {
    "the next attempt does not wait for the last one to settle": range(1802, 1806),
    "a list drops nothing": range(773, 777),
    "a watch that was cut goes on from now": range(1366, 1370),
}
"""Where a defect shows in few seeds, where to look for it."""


@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_is_found_within_so_many_seeds(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Many a defect makes a run endless: a day is enough to see that.
    monkeypatch.setattr(run, "SECONDS_MAX", 100_000.0)
    monkeypatch.setattr(run, "_COMMITS_MAX", 1_500)
    with planted(name):
        found = next((seed for seed in RARE.get(name, SEEDS) if _is_wrong(seed)), None)
    assert found is not None


def _is_wrong(seed: int) -> bool:
    try:
        return bool(judge(seed, rest_seconds=700.0).violations)
    except Exception:
        return True
