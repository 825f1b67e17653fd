"""`python -m simulation`: replay one seed and tell its story, or run many and count what was found."""

import hashlib
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import click

from simulation.oracle import judge
from simulation.run import REST_SECONDS
from simulation.shrinking import shrunk
from simulation.story import story

_CHUNK = 10
_PROGRESS_EVERY = 500


@dataclass(slots=True)
class Summary:
    """What one process found of one seed, or all processes of all."""

    seed: int
    runs: int = 0
    strict: int = 0
    steps: int = 0
    commits: int = 0
    virtual_seconds: float = 0.0
    struck: Counter[str] = field(default_factory=Counter)
    features: Counter[str] = field(default_factory=Counter)
    phases: Counter[str] = field(default_factory=Counter)
    violations: list[tuple[int, str]] = field(default_factory=list)
    digest: str = ""

    def add(self, other: "Summary") -> None:
        """Add what was found of another seed."""
        for name in ("runs", "strict", "steps", "commits", "virtual_seconds"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.struck.update(other.struck)
        self.features.update(other.features)
        self.phases.update(other.phases)
        self.violations += other.violations
        self.digest = hashlib.sha256((self.digest + other.digest).encode()).hexdigest()

    def lines(self) -> Iterator[str]:
        """In words."""
        faults = sum(self.struck.values())
        yield f"{self.runs} runs, {self.strict} of them compared with the run without faults; {self.steps} steps"
        yield f"{faults} faults: {', '.join(f'{n} {count}' for n, count in sorted(self.struck.items()))}"
        yield f"features: {', '.join(f'{n} {count}' for n, count in sorted(self.features.items()))}"
        yield f"ends: {', '.join(f'{n} {count}' for n, count in sorted(self.phases.items()))}"
        yield f"{self.commits} commits in {self.virtual_seconds / 3600:.0f} hours of virtual time"
        yield f"digest {self.digest}"
        yield f"{len({seed for seed, _ in self.violations})} seeds with violations"


def _judged(given: tuple[int, float]) -> Summary:
    seed, rest_seconds = given
    try:
        verdict = judge(seed, rest_seconds=rest_seconds)
    except Exception as error:  # A defect of the simulation, or of what it runs: it has a seed as well.
        return Summary(seed, runs=1, violations=[(seed, f"{type(error).__name__}: {error}")])
    found = Summary(seed, 1, int(verdict.scenario.strict), len(verdict.scenario.steps))
    found.commits, found.virtual_seconds = len(verdict.stormy.commits), verdict.stormy.seconds
    found.struck, found.features = verdict.struck, Counter(verdict.scenario.features)
    found.phases = Counter([str(verdict.stormy.status.get("phase"))])
    found.violations = [(seed, one) for one in verdict.violations[:1]]
    found.digest = verdict.stormy.digest()
    return found


@click.command()
@click.option("--seed", type=int, help="Replay this seed and tell its story; what it violates is shrunk.")
@click.option("--runs", type=int, default=200, show_default=True, help="Run so many seeds.")
@click.option("--first", type=int, default=0, show_default=True, help="The first of them.")
@click.option("--processes", type=int, default=2, show_default=True, help="Processes to run them in.")
@click.option("--rest", type=float, default=REST_SECONDS, show_default=True, help="Seconds to watch after the end.")
def main(seed: int | None, runs: int, first: int, processes: int, rest: float) -> None:
    """Run the controller in virtual time against a simulated cluster in which things go wrong."""
    sys.exit(_replay(seed, rest) if seed is not None else _run(range(first, first + runs), processes, rest))


def _replay(seed: int, rest: float) -> int:
    verdict = judge(seed, rest_seconds=rest)
    if verdict.violations:
        fewer = shrunk(verdict)
        click.echo(f"Of {len(verdict.plan)} faults {len(fewer.plan)} are enough:")
        verdict = fewer
    for line in story(verdict):
        click.echo(line)
    return int(bool(verdict.violations))


def _run(seeds: range, processes: int, rest: float) -> int:
    total, begun = Summary(-1), time.monotonic()
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        for one in pool.imap(_judged, ((seed, rest) for seed in seeds), chunksize=_CHUNK):
            for seed, violation in one.violations:
                click.echo(f"seed {seed}: {violation}")
            total.add(one)
            if total.runs % _PROGRESS_EVERY == 0:
                click.echo(f"{total.runs} of {len(seeds)} runs, {time.monotonic() - begun:.0f} s")
    for line in total.lines():
        click.echo(line)
    click.echo(f"{time.monotonic() - begun:.0f} s")
    return int(bool(total.violations))


if __name__ == "__main__":
    main()
