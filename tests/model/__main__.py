"""`python -m model [PART OF A NAME]`: explores everything, prints what there was, and each counterexample as a story.

Exit code 1 where a promise is broken.
"""

import sys
import time
from multiprocessing import get_context

from model.configuration import Configuration, configurations
from model.explorer import Exploration, Explorer
from model.model import Model
from model.story import story

PROCESSES = 2


def explore(configuration: Configuration) -> tuple[Exploration, str]:
    """One configuration in full, and the story of what breaks there."""
    found = Explorer(Model(configuration)).explore()
    return found, story(configuration, found.violation) if found.violation else ""


def main(part: str = "") -> int:
    """Explore every configuration whose name has `part` in it."""
    begun = time.perf_counter()
    chosen = configurations(part)
    width = max((len(one.name) for one in chosen), default=0)
    print(f"{'configuration':{width}} {'states':>9} {'transitions':>11} {'decisions':>9} {'seconds':>7}  ends")
    found: list[Exploration] = []
    stories = []
    with get_context("fork").Pool(PROCESSES, maxtasksperchild=1) as processes:  # Each gives its memory back.
        for one, told in processes.imap(explore, chosen):
            found.append(one)
            stories += [told] if told else []
            said = "VIOLATION" if told else ", ".join(one.ends)
            head = f"{one.configuration:{width}} {one.states:9,} {one.transitions:11,} {one.asked:9,}"
            print(f"{head} {one.seconds:7.1f}  {said}", flush=True)
    states, transitions = sum(one.states for one in found), sum(one.transitions for one in found)
    took = time.perf_counter() - begun
    counted = f"{len(found)} configurations, {states:,} states, {transitions:,} transitions"
    print(f"{counted}, {len(stories)} violations in {took:.0f} s")
    for told in stories:
        print(f"\n{told}")
    return 1 if stories else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
