"""`kubesaga plan`: what would run, in which order, and how it would be undone."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

import click

from kubesaga.api.spec import Approval, Boundary, TriggerRule, Wait
from kubesaga.cli.manifest import Manifest
from kubesaga.cli.terminal_text import one_line as printable
from kubesaga.engine.plan import Plan, PlannedStep
from kubesaga.engine.text import counted, listing

_NAMES_MAX: Final = 12
"""Names of one level that are written out for people."""


def print_plans(manifests: Sequence[Manifest], output: str) -> None:
    """Print the plan of every Workflow; as JSON one object, or a list of them if there are several."""
    if output == "json":
        plans = [{"name": manifest.name, **plan_json(manifest.plan)} for manifest in manifests]
        click.echo(json.dumps(plans[0] if len(plans) == 1 else plans, indent=2))
        return
    printers: dict[str, Callable[[Manifest], str]] = {
        "mermaid": lambda manifest: plan_mermaid(manifest.plan),
        "dot": lambda manifest: plan_dot(manifest.plan),
        "text": lambda manifest: plan_text(manifest.name, manifest.plan),
    }
    click.echo("\n\n".join(printers[output](manifest) for manifest in manifests))


def plan_json(plan: Plan) -> dict[str, Any]:
    """The plan as `-o json` prints it."""
    return {
        "steps": [
            {
                "name": step.name,
                "level": step.level,
                "dependsOn": list(step.dependencies),
                "compensates": step.undoable,
                "fallback": step.fallback is not None,
                "work": work_name(step),
            }
            for step in plan.steps
        ],
        "levels": [list(level) for level in plan.levels],
        "criticalPath": list(plan.critical_path),
        "rollbackOrder": [list(group) for group in plan.rollback_order],
        "finally": list(plan.finally_steps),
        "warnings": list(plan.warnings),
        "objectBytes": plan.object_bytes,
    }


def plan_text(name: str, plan: Plan) -> str:
    """The plan for people."""
    undos = sum(step.undoable for step in plan.steps)
    lines = [
        f"{name}: {counted(len(plan.steps), 'step')} in {counted(len(plan.levels), 'level')}, {undos} with an undo"
    ]
    lines += ["", "order           those of one line run side by side"]
    lines += [f"  {index + 1:>3}  {listing(level, most=_NAMES_MAX)}" for index, level in enumerate(plan.levels)]
    lines += ["", "rollback order  if every step was attempted"]
    groups = enumerate(plan.rollback_order)
    lines += [f"  {index + 1:>3}  {listing(group, most=_NAMES_MAX)}" for index, group in groups] or [
        "  nothing to undo"
    ]
    if plan.finally_steps:
        lines += ["", "finally         whatever came of it, side by side"]
        lines += [f"       {listing(tuple(plan.finally_steps), most=_NAMES_MAX)}"]
    lines += _without_job(plan)
    lines += _conditions(plan)
    lines += _fallbacks(plan)
    lines += _boundaries(plan)
    lines += ["", f"critical path   {_path(plan.critical_path)}"]
    lines += [f"object size     at most {plan.object_bytes:,} bytes in the cluster"]
    lines += [f"warning         {warning}" for warning in plan.warnings]
    return "\n".join(lines)


def work_name(step: PlannedStep) -> str:
    """What the step does, as the field of the spec that says so."""
    return type(step.work).__name__.lower()


def _without_job(plan: Plan) -> list[str]:
    """The steps that run nothing, and what they wait for."""
    lines = []
    for step in plan.steps:
        if isinstance(step.work, Approval):
            within = f" within {step.timeout_seconds} s" if step.timeout_seconds else ""
            lines.append(f"       {step.name}: a person approves{within}: {printable(step.work.message)}")
        elif isinstance(step.work, Wait):
            lines.append(f"       {step.name}: {step.work.seconds} s")
    return ["", "waits           these run no Job", *lines] if lines else []


def _conditions(plan: Plan) -> list[str]:
    """What decides whether steps run, and which may fail."""
    lines = []
    for step in plan.steps:
        said = [f"when {printable(step.condition.source)}"] if step.condition is not None else []
        said += [step.trigger_rule] if step.trigger_rule is not TriggerRule.ALL_SUCCEEDED else []
        said += ["optional"] if step.optional else []
        lines += [f"       {step.name}: {', '.join(said)}"] if said else []
    return ["", "conditions      when these run, and which of them may fail", *lines] if lines else []


def _fallbacks(plan: Plan) -> list[str]:
    """The steps that may be done in another way."""
    names = [step.name for step in plan.steps if step.fallback is not None]
    title = "fallbacks       these are done in another way when their own is used up"
    return ["", title, f"       {listing(names, most=_NAMES_MAX)}"] if names else []


def _boundaries(plan: Plan) -> list[str]:
    """Where a rollback stops, and what it cannot undo."""
    said = {
        Boundary.SAVEPOINT: ("savepoints", "once one has succeeded, it and all that it depends on are kept"),
        Boundary.IRREVERSIBLE: ("irreversible", "a rollback leaves them as they are, and says so"),
    }
    lines = []
    for boundary, (title, meaning) in said.items():
        names = [step.name for step in plan.steps if step.boundary is boundary]
        lines += ["", f"{title:<14}  {meaning}", f"       {listing(names, most=_NAMES_MAX)}"] if names else []
    return lines


def _path(names: Sequence[str]) -> str:
    """A chain of steps, its middle left out where it is long."""
    if len(names) > _NAMES_MAX:
        half = _NAMES_MAX // 2
        names = [*names[:half], f"({len(names) - 2 * half} more)", *names[-half:]]
    return " -> ".join(names)


def plan_mermaid(plan: Plan) -> str:
    """The graph as a Mermaid flowchart; steps with an undo are stadium-shaped."""
    lines = ["flowchart LR"]
    for step in plan.steps:
        left, right = ("([", "])") if step.undoable else ("[", "]")
        lines.append(f'  s{step.index}{left}"{step.name}"{right}')
    for step in plan.steps:
        lines += [f"  s{plan.by_name[name].index} --> s{step.index}" for name in step.dependencies]
    return "\n".join(lines)


def plan_dot(plan: Plan) -> str:
    """The graph for Graphviz; steps with an undo have rounded corners."""
    lines = ["digraph workflow {", "  rankdir=LR", "  node [shape=box]"]
    for step in plan.steps:
        style = ' [style="rounded"]' if step.undoable else ""
        lines.append(f'  "{step.name}"{style}')
        lines += [f'  "{name}" -> "{step.name}"' for name in step.dependencies]
    return "\n".join([*lines, "}"])
