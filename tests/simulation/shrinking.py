"""Of the faults of a seed, those without which nothing goes wrong."""

from simulation.oracle import Verdict, judge

_REPLAYS_MAX = 100


def shrunk(verdict: Verdict) -> Verdict:
    """The same seed with as few of its faults as still lead to a violation."""
    replays = 0
    shrinks = True
    while shrinks and replays < _REPLAYS_MAX:
        shrinks = False
        for place in range(len(verdict.plan)):
            plan = [*verdict.plan[:place], *verdict.plan[place + 1 :]]
            fewer = judge(verdict.seed, plan=plan)
            replays += 1
            if fewer.violations:
                verdict, shrinks = fewer, True
                break
    return verdict
