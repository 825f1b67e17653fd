"""The pages keep up with the code: every verb has one, refusals are quoted as they are, no link is dead."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from ruamel.yaml import YAML

from kubesaga.cli.run_queue import LOCAL_VERBS
from kubesaga.engine import answer, approval, recovery, request
from kubesaga.engine.planner import WorkflowPlanner
from kubesaga.engine.verb import Scope, Verb

ROOT = Path(__file__).parents[2]
VERBS = ROOT / "docs" / "verbs"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
SECTIONS = ["## When", "## How", "## What follows", "## What it does not do"]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    """A page without its code."""
    return re.sub(r"```(?s:.*?)```|`[^`\n]*`|^    .*$", "", page.read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize("verb", Verb)
def test_every_verb_has_a_page_of_the_one_shape(verb: Verb) -> None:
    lines = (VERBS / f"{verb}.md").read_text().splitlines()
    assert lines[0] == f"# {verb}"
    assert [line for line in lines if line.startswith("## ")] == SECTIONS


@pytest.mark.parametrize("verb", Verb)
def test_every_page_of_a_verb_tells_its_command_its_annotation_and_its_local_way(verb: Verb) -> None:
    page = (VERBS / f"{verb}.md").read_text()
    step = {Scope.WORKFLOW: "", Scope.STEP: " [a-z]+", Scope.EITHER: "( [a-z]+)?"}[verb.scope]
    assert re.search(rf"^    kubesaga {verb} order{step}( |$)", page, re.MULTILINE)
    target = "" if verb.scope is Scope.WORKFLOW else "[a-z]+@"
    assert re.search(rf" {verb.annotation}={target}\$\(date \+%s\)$", page, re.MULTILINE)
    local = re.search(rf"^    kubesaga run --resume order --request {verb}\b", page, re.MULTILINE)
    assert bool(local) is (verb in LOCAL_VERBS)


def test_the_table_of_verbs_has_each_of_them_once() -> None:
    rows = re.findall(r"^\| \[([a-z-]+)\]\(([a-z-]+)\.md\) \|", (VERBS / "README.md").read_text(), re.MULTILINE)
    assert sorted(rows) == sorted((verb.value, verb.value) for verb in Verb)


def test_the_order_of_answers_is_told_as_it_is() -> None:
    told = (VERBS / "README.md").read_text().partition("## Order")[2].partition("\n## ")[0]
    assert re.findall(r"`([a-z-]+)`", told) == [verb.value for verb in Verb]


def refusals(module: ModuleType) -> Iterator[str]:
    """The refusals that a module can give, as regular expressions."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        match node:
            case ast.Call(func=ast.Name("NotNow"), args=[text]):
                yield from patterns(text)
            case ast.Call(func=ast.Name("Answer"), args=[ast.Constant(False), ast.JoinedStr() as text]):
                yield from patterns(text)


def patterns(text: ast.expr) -> Iterator[str]:
    match text:
        case ast.Constant(str(said)):
            yield re.escape(said)
        case ast.JoinedStr(values):
            yield "".join(re.escape(v.value) if isinstance(v, ast.Constant) else ".+" for v in values)
        case ast.IfExp(body=body, orelse=orelse):
            yield from patterns(body)
            yield from patterns(orelse)


def quoted() -> dict[str, str]:
    """Every refusal that a page quotes, and the page."""
    found = {}
    for page in sorted(VERBS.glob("*.md")):
        for table in re.findall(r"^\| refused with \|.*\n\|.*\n((?:\|.*\n)+)", page.read_text(), re.MULTILINE):
            found |= dict.fromkeys(re.findall(r"^\| `(.*?)` \|", table, re.MULTILINE), name(page))
    return found


OF_VERBS = {pattern for module in (answer, approval, recovery, request) for pattern in refusals(module)}
OF_ALL = {"the spec has errors, and nothing was started", "it cannot go on: MESSAGE"}
"""Refusals where nothing can be done for the Workflow: `reconcile` gives them."""


def test_every_refusal_is_quoted_on_a_page() -> None:
    assert [pattern for pattern in OF_VERBS if not any(re.fullmatch(pattern, said) for said in quoted())] == []


def test_every_refusal_that_is_quoted_can_be_given() -> None:
    known = [*OF_VERBS, *map(re.escape, OF_ALL)]
    assert {said: page for said, page in quoted().items() if not any(re.fullmatch(p, said) for p in known)} == {}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link}: no such file"
        assert not anchor or anchor in anchors(target), f"{link}: no such heading"


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_workflow_on_a_page_can_be_planned(page: Path) -> None:
    for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL):
        if "kind: Workflow" in block:
            WorkflowPlanner().plan(YAML(typ="safe").load(block)["spec"])
