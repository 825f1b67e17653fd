"""`kubesaga plan`: what would run, in which order, and how it would be undone."""

from typing import Any

from kubesaga.engine.plan import Plan


def plan_json(plan: Plan) -> dict[str, Any]:
    """The plan as `-o json` prints it."""
    return {
        "steps": [
            {
                "name": step.name,
                "level": step.level,
                "dependsOn": list(step.dependencies),
                "compensates": step.compensation is not None,
            }
            for step in plan.steps
        ],
        "levels": [list(level) for level in plan.levels],
        "criticalPath": list(plan.critical_path),
        "rollbackOrder": [list(group) for group in plan.rollback_order],
        "warnings": list(plan.warnings),
        "objectBytes": plan.object_bytes,
    }


def plan_text(name: str, plan: Plan) -> str:
    """The plan for people."""
    undos = sum(step.compensation is not None for step in plan.steps)
    lines = [f"{name}: {len(plan.steps)} steps in {len(plan.levels)} levels, {undos} with an undo", ""]
    lines += [f"  {index + 1:>3}  {', '.join(level)}" for index, level in enumerate(plan.levels)]
    lines += ["", f"critical path   {' -> '.join(plan.critical_path)}"]
    groups = [", ".join(group) for group in plan.rollback_order]
    lines += [f"rollback order  {' -> '.join(groups) or '(nothing to undo)'}"]
    lines += [f"object size     up to {plan.object_bytes:,} bytes"]
    lines += [f"warning         {warning}" for warning in plan.warnings]
    return "\n".join(lines)


def plan_mermaid(plan: Plan) -> str:
    """The graph as a Mermaid flowchart; steps with an undo are stadium-shaped."""
    lines = ["flowchart LR"]
    for step in plan.steps:
        left, right = ("([", "])") if step.compensation else ("[", "]")
        lines.append(f'  s{step.index}{left}"{step.name}"{right}')
    for step in plan.steps:
        lines += [f"  s{plan.by_name[name].index} --> s{step.index}" for name in step.dependencies]
    return "\n".join(lines)


def plan_dot(plan: Plan) -> str:
    """The graph for Graphviz; steps with an undo have rounded corners."""
    lines = ["digraph workflow {", "  rankdir=LR", "  node [shape=box]"]
    for step in plan.steps:
        style = ' [style="rounded"]' if step.compensation else ""
        lines.append(f'  "{step.name}"{style}')
        lines += [f'  "{name}" -> "{step.name}"' for name in step.dependencies]
    return "\n".join([*lines, "}"])
