"""Plant every defect, and see it caught by every suite that is said to catch it: `python -m defects --help`."""

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from defects.defect import Defect, Suite, Trial, run
from defects.seeded import DEFECTS

AT_ONCE = 2


def main() -> int:
    """Returns the exit code: 1 where a defect was not caught."""
    parser = argparse.ArgumentParser(prog="python -m defects", description="Plant defects and see them caught.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these defects")
    parser.add_argument("--cheapest", action="store_true", help="only the first suite that is said to catch each")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - {defect.name for defect in DEFECTS}:
        parser.error(f"no such defect: {', '.join(sorted(unknown))}")
    wanted = [defect for defect in DEFECTS if not arguments.names or defect.name in arguments.names]
    trials = [(d, suite) for d in wanted for suite in (d.suites[:1] if arguments.cheapest else d.suites)]
    begun = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        suites = sorted({suite for _, suite in trials}, key=list(Suite).index)
        sound = list(pool.map(_is_sound, suites))  # What fails by itself would seem to catch everything.
        if not all(sound):
            return 1
        results = list(pool.map(lambda trial: _try(*trial), trials))
    missed = sorted({defect.name for (defect, _), trial in zip(trials, results, strict=True) if not trial.caught})
    caught, seconds = len(wanted) - len(missed), time.monotonic() - begun
    print(f"{caught} of {len(wanted)} defects caught by every suite that is asked, {seconds:.0f} s")
    return 1 if missed else 0


def _is_sound(suite: Suite) -> bool:
    """Whether a suite passes on the code as it is."""
    trial = run(suite, None)
    print(f"{'no defect':<40} {f'FAILS in {suite}: {trial.first}' if trial.caught else f'passes {suite}'}", flush=True)
    return not trial.caught


def _try(defect: Defect, suite: Suite) -> Trial:
    with tempfile.TemporaryDirectory() as folder:
        defect.plant(Path(folder))
        trial = run(suite, Path(folder))
    said = f"caught by {suite}: {trial.first}" if trial.caught else f"NOT CAUGHT by {suite}"
    print(f"{defect.name:<40} {said}"[:200], flush=True)
    return trial


if __name__ == "__main__":
    sys.exit(main())
