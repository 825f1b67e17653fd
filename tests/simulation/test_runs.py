"""Seeded runs: whatever goes wrong, a Workflow comes to the same end, and every invariant holds on the way."""

import os
import subprocess
import sys
from collections import Counter
from functools import cache

import pytest

from simulation.faults import KINDS
from simulation.invariants import INVARIANTS
from simulation.oracle import Verdict, judge
from simulation.scenarios import FEATURES

SEEDS = range(240)
FOUND = {
    17: "an operator that wakes after its Workflow is gone",
    113: "a tombstone whose create was answered before the watch told of it",
    217: "an undo by deletion whose Job another operator had deleted",
    393: "a status write whose answer was lost, and which took a field away",
    484: "a stop that met another write of its Job",
    1105: "the same, in a Workflow that is terminated",
}
"""Seeds that showed a defect once."""


@cache
def judged(seed: int) -> Verdict:
    return judge(seed)


@pytest.mark.parametrize("block", range(0, len(SEEDS), 20))
def test_runs_with_faults_come_to_the_end_of_runs_without(block: int) -> None:
    found = {seed: verdict.violations for seed in SEEDS[block : block + 20] if (verdict := judged(seed)).violations}
    assert not found, f"replay one: PYTHONPATH=tests python -m simulation --seed {next(iter(found))}"


@pytest.mark.parametrize("seed", FOUND, ids=list(FOUND.values()))
def test_what_was_found_once_stays_mended(seed: int) -> None:
    assert judged(seed).violations == []


def test_the_seeds_meet_every_feature_and_every_kind_of_fault() -> None:
    features: Counter[str] = Counter()
    struck: Counter[str] = Counter()
    for seed in SEEDS:
        features.update(judged(seed).scenario.features)
        struck.update(judged(seed).struck)
    assert [name for name in (*FEATURES, "deadline") if not features[name]] == []
    assert [name for name in KINDS if not struck[name]] == []


def test_the_seeds_end_in_every_phase_that_a_run_can_end_in() -> None:
    phases = {judged(seed).stormy.status.get("phase") for seed in SEEDS}
    ends = {"Succeeded", "Failed", "Cancelled", "RolledBack", "PartiallyRolledBack", "RollbackFailed"}
    assert ends | {"RollbackBlocked", "Suspended"} <= phases


def test_every_invariant_has_something_to_judge() -> None:
    """In the seeds there are undos, tombstones, retries, stops and requests for them to look at."""
    births = [birth for seed in SEEDS for birth in judged(seed).stormy.births]
    assert any(birth.tombstone for birth in births)
    assert any(birth.work.attempt > 2 for birth in births)
    assert any(birth.work.epoch > 1 for birth in births)
    assert any(one.ended is None or one.killed for seed in SEEDS for one in judged(seed).stormy.containers)
    assert len(INVARIANTS) > 15


def test_two_runs_of_one_seed_are_equal_byte_for_byte_whatever_the_hash_seed() -> None:
    told = [replayed(hash_seed, "--runs", "40", "--processes", "1") for hash_seed in ("0", "4242")]
    assert "digest" in told[0]
    assert told[0] == told[1]


def test_a_seed_tells_its_story() -> None:
    told = replayed("random", "--seed", "8")
    assert "Seed 8:" in told
    assert "operator-1: create jobs" in told
    assert "No violation" in told


def replayed(hash_seed: str, *arguments: str) -> str:
    """What the command prints, but for the seconds that it took."""
    path = os.pathsep.join(sys.path)
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": path}
    command = [sys.executable, "-m", "simulation", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
    return "\n".join(done.stdout.splitlines()[: -1 if arguments[0] == "--runs" else None])
