"""The commands that ask something of a Workflow in a cluster: one for each verb, all of one shape."""

import json
import sys
from collections.abc import Mapping
from typing import Any, Final

import click

from kubesaga.cli.options import cluster_options, pairs_option, workflow_argument
from kubesaga.engine.verb import Scope, Verb

_HELP: Final[Mapping[Verb, str]] = {
    Verb.CANCEL: "Stop what runs, and undo what was done.",
    Verb.STOP: "Start nothing more, let what runs end, and undo nothing.",
    Verb.TERMINATE: "End everything at once, undos too, and undo nothing more: the state may be inconsistent.",
    Verb.SUSPEND: "Start nothing new, no further undo either, until resume.",
    Verb.RESUME: "Go on after suspend, or past a pivot with what failed.",
    Verb.RETRY: "Go on where a run stopped that has Failed, was Cancelled or rolled back.",
    Verb.RETRY_STEP: "Let STEP try again: at once where it waits to, anew where it failed past a pivot.",
    Verb.APPROVE: "Give STEP the approval that it waits for.",
    Verb.REJECT: "Deny STEP the approval that it waits for: it fails for good.",
    Verb.SKIP_STEP: "Take STEP for done, with the outputs that it declares, and go on behind it.",
    Verb.ROLLBACK: "Undo what was done, also after it has succeeded.",
    Verb.RETRY_COMPENSATION: "Give blocked undos new retries: all of them, or that of STEP.",
    Verb.SKIP_COMPENSATION: "Take the blocked undo of STEP for done.",
    Verb.ASSUME_STOPPED: "Take the Pod of STEP for ended, because its node is dead.",
    Verb.ABANDON: "Leave what a blocked rollback could not undo, and end.",
    Verb.RESUBMIT: "Make a new Workflow with the spec of one that has ended.",
}
"""In the order of `kubesaga --help`."""

_NOTED: Final = (Verb.APPROVE, Verb.REJECT, Verb.SKIP_STEP, Verb.SKIP_COMPENSATION, Verb.ASSUME_STOPPED, Verb.ABANDON)
"""Verbs by which a person vouches for something, and may say why."""


def verb_commands() -> list[click.Command]:
    """A command for each verb."""
    return [_command(verb, text) for verb, text in _HELP.items()]


def _command(verb: Verb, text: str) -> click.Command:
    def ask(name: str, step: str | None = None, outputs: dict[str, str] | None = None, **options: Any) -> None:
        from kubesaga.cli.request_command import request

        said = json.dumps(outputs) if outputs else None
        sys.exit(request(verb, name, step, outputs=said, **options))

    if verb in _NOTED:
        click.option("--note", metavar="TEXT", help="Why: it is told with the answer.")(ask)
    if verb is Verb.SKIP_STEP:
        pairs_option("--output", "outputs", "An output that the step declares. May be repeated.")(ask)
    cluster_options(ask)
    if verb.scope is not Scope.WORKFLOW:
        required = verb.scope is Scope.STEP
        click.argument("step", metavar="STEP" if required else "[STEP]", required=required)(ask)
    workflow_argument(ask)
    return click.command(verb.value, help=text)(ask)
