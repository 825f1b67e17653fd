"""A run as people read it, and as it can be played again."""

from collections.abc import Iterable, Sequence

from model.brain import pretty
from model.calls import Rules
from model.configuration import Configuration
from model.explorer import Violation
from model.model import Model
from model.state import GONE, Job, Move, Operator, World


class NoSuchMove(AssertionError):  # noqa: N818 - a defect of the test, never of its subject
    """A move that is not possible where a replay wants it."""


def replay(configuration: Configuration, moves: Iterable[Move], rules: type[Rules] = Rules) -> tuple[Model, World, str]:
    """Play moves from the beginning: the model, the world that they lead to, and what they break first, in words.

    So a counterexample can be kept as a test: the moves stand at the end of its story.
    """
    model = Model(configuration, rules)
    world, broken = model.beginning(), ""
    for move in moves:
        found = next((step for step in model.steps(world) if step[0] == tuple(move)), None)
        if found is None:
            raise NoSuchMove(f"{move} is not possible; what is: {[one[0] for one in model.steps(world)]}")
        _, world, breaks = found
        broken = broken or breaks
    if not broken and model.idle(world) and (forgotten := model.forgotten(world)):
        broken = f"at_rest_nothing_is_left_to_do: {forgotten}"
    return model, world, broken


def story(configuration: Configuration, violation: Violation, rules: type[Rules] = Rules) -> str:
    """What happened, step by step: what the world did, what each operator saw, decided and wrote, and what broke."""
    model = Model(configuration, rules)
    world = model.beginning()
    lines = [f"{configuration.name}:"]
    for number, move in enumerate(violation.moves, start=1):
        after = next(step[1] for step in model.steps(world) if step[0] == move)
        lines.append(f"{number:3}. {' '.join(move)}")
        lines += [f"       {line}" for line in _changes(model, world, after, move)]
        world = after
    lines += [f"broken: {violation.broken}", f"  status: {_status(model, world)}", f"  Jobs:   {_jobs(model, world)}"]
    lines += ["moves = ["]
    lines += [f"    {move!r}," for move in violation.moves]
    return "\n".join([*lines, "]"])


def _changes(model: Model, before: World, after: World, move: Move) -> list[str]:
    """What a move has changed that people want to know."""
    lines = []
    if "passes" in move[1] and len(move) > 1:
        place = 3 + ("operator A", "operator B").index(move[0])
        lines.append(f"sees    {_seen(model, model.operators[before[place]])}")
        pending = model.operators[after[place]].pending
        if before[0] != after[0]:
            lines.append(f"writes  {_status(model, after)}")
        if pending:
            lines.append(f"will    {', '.join(f'{act.kind} {model.brain.label(act.name)}'.strip() for act in pending)}")
    if before[1] != after[1] and move[0].startswith("operator"):
        lines.append(f"Jobs    {_jobs(model, after)}")
    return lines


def _status(model: Model, world: World) -> str:
    stored = model.stored[world[0]]
    return pretty(model.brain.status(stored.status)) + (", and the Workflow is gone" if stored.gone else "")


def _jobs(model: Model, world: World) -> str:
    return _listed([_job(model, job) for job in model.jobs[world[1]]])


def _job(model: Model, job: Job) -> str:
    again = f" #{job.count + 1}" if job.count else ""
    stopped = ", told to stop" if job.stopped else ""
    says = job.says or "goes on"
    pod = "" if job.says == GONE and job.pod != "runs" else f", Pod {job.pod}"
    return f"{model.brain.label(job.name)}{again} ({says}{stopped}{pod})"


def _seen(model: Model, one: Operator) -> str:
    status = pretty(model.brain.status(model.stored[one.workflow].status))
    pods = {(pod.name, pod.count): pod.pod for pod in one.pods}
    jobs = [
        f"{model.brain.label(v.name)} ({v.says or 'goes on'}, Pod {pods.pop((v.name, v.count), 'not seen')})"
        for v in one.jobs
    ]
    jobs += [f"a Pod of {model.brain.label(name)} ({pod})" for (name, _), pod in pods.items()]
    confirmed = f"; confirmed: {', '.join(map(model.brain.label, one.confirmed))}" if one.confirmed else ""
    return f"{'' if one.fresh else '(stale) '}{status} | {_listed(jobs)}{confirmed}"


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words) or "no Job"
