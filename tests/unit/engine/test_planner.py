"""WorkflowPlanner: what a spec becomes, and how it is refused."""

import json
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bad_manifests import BAD_MANIFESTS, BadManifest, step
from kubesaga.api.container import Container
from kubesaga.api.limits import COMPENSATION_STATUS_BYTES, OBJECT_BYTES_MAX, STEPS_MAX
from kubesaga.api.spec import ConcurrencyPolicy, InFlight, OnFailure
from kubesaga.engine.plan import COMPENSATION_RETRY, STEP_RETRY, Plan, PlannedConcurrency, RetryPolicy
from kubesaga.engine.planner import WorkflowPlanner
from kubesaga.engine.spec_error import InvalidSpec, SpecError, by_place

UNDO = {"container": {"image": "undo:1"}}


def plan(spec: Any, **names: str) -> Plan:
    return WorkflowPlanner().plan(spec, **names)


def refusal(spec: Any) -> tuple[str, ...]:
    with pytest.raises(InvalidSpec) as caught:
        plan(spec)
    return tuple(map(str, caught.value.errors))


@pytest.mark.parametrize("bad", BAD_MANIFESTS, ids=lambda bad: bad.sentence)
def test_refuses_a_manifest_with_every_error_at_its_place(bad: BadManifest) -> None:
    assert refusal(bad.spec) == bad.errors


def test_bad_manifests_have_sentences_of_their_own() -> None:
    assert len({bad.sentence for bad in BAD_MANIFESTS}) == len(BAD_MANIFESTS)


SHOP = {
    "parameters": [{"name": "region", "value": "eu"}],
    "defaults": {
        "container": {"image": "shop:1", "env": [{"name": "REGION", "value": "$(params.region)"}]},
        "retry": {"limit": 2},
        "timeoutSeconds": 60,
    },
    "steps": [
        step("ship", {"args": ["$(steps.pay.outputs.receipt)"]}, dependsOn=["check"], retry={"limit": 5}),
        step("pay", {}, dependsOn=["reserve"], outputs=[{"name": "receipt"}], compensate=UNDO),
        step("reserve", {}, dependsOn=["check"], compensate={"deleteJob": {}}, timeoutSeconds=5),
        step("check", {}),
        step("mail", {}),
    ],
}


def test_a_plan_has_the_edges_declared_and_implied() -> None:
    shop = plan(SHOP)
    assert [(s.name, s.index, s.dependencies, s.dependents, s.level) for s in shop.steps] == [
        ("ship", 0, ("pay", "check"), (), 3),
        ("pay", 1, ("reserve",), ("ship",), 2),
        ("reserve", 2, ("check",), ("pay",), 1),
        ("check", 3, (), ("ship", "reserve"), 0),
        ("mail", 4, (), (), 0),
    ]
    assert shop.by_name == {s.name: s for s in shop.steps}


def test_a_plan_has_orders_in_both_directions() -> None:
    shop = plan(SHOP)
    assert shop.order == ("check", "reserve", "pay", "ship", "mail")
    assert shop.levels == (("check", "mail"), ("reserve",), ("pay",), ("ship",))
    assert shop.critical_path == ("check", "reserve", "pay", "ship")
    assert shop.rollback_order == (("pay",), ("reserve",))


def test_a_plan_has_everything_merged() -> None:
    ship, pay, reserve, *_ = plan(SHOP).steps
    assert isinstance(ship.work, Container)
    assert ship.work.image == "shop:1"
    assert [variable.name for variable in ship.work.env or ()] == ["REGION"]
    assert (ship.retry.limit, pay.retry.limit) == (5, 2)
    assert (ship.timeout_seconds, reserve.timeout_seconds) == (60, 5)
    assert pay.compensation is not None
    assert pay.compensation.container is not None
    assert pay.compensation.container.image == "undo:1"
    assert [variable.name for variable in pay.compensation.container.env or ()] == ["REGION"]
    assert reserve.compensation is not None
    assert reserve.compensation.deletes_job


def test_defaults_of_retries_and_timeouts_are_for_steps_only() -> None:
    _, pay, *_ = plan(SHOP).steps
    assert pay.compensation is not None
    assert pay.compensation.retry == COMPENSATION_RETRY
    assert pay.compensation.timeout_seconds is None


def test_a_plan_of_nothing_but_steps_has_the_built_in_defaults() -> None:
    small = plan({"steps": [step("a")]})
    assert small.steps[0].retry == STEP_RETRY
    assert small.steps[0].timeout_seconds is None
    assert (small.on_failure, small.in_flight, small.suspend) == (OnFailure.STOP, InFlight.DRAIN, False)
    assert (small.parallelism, small.timeout_seconds, small.ttl_seconds_after_finished) == (None, None, None)
    assert (dict(small.parameters), small.warnings, small.rollback_order) == ({}, (), ())


def test_a_plan_keeps_what_is_said() -> None:
    said = {
        "parallelism": 3,
        "concurrency": {"key": "till", "limit": 2, "policy": "Forbid"},
        "timeoutSeconds": 9,
        "onFailure": "Stop",
        "inFlight": "Cancel",
        "suspend": True,
        "ttlSecondsAfterFinished": 0,
        "defaults": {"pod": {"serviceAccountName": "shop"}},
        "steps": [step("a", retry={"backoffSeconds": 1, "factor": 3, "maxBackoffSeconds": 9}, compensate=UNDO)],
    }
    kept = plan(said)
    assert (kept.on_failure, kept.in_flight, kept.suspend) == (OnFailure.STOP, InFlight.CANCEL, True)
    assert (kept.parallelism, kept.timeout_seconds, kept.ttl_seconds_after_finished) == (3, 9, 0)
    assert kept.concurrency == PlannedConcurrency("till", 2, ConcurrencyPolicy.FORBID)
    assert plan({"concurrency": {"key": "t"}, "steps": [step("a")]}).concurrency == PlannedConcurrency(
        "t", 1, ConcurrencyPolicy.ENQUEUE
    )
    assert kept.pod.service_account_name == "shop"
    assert kept.steps[0].retry == RetryPolicy(limit=0, backoff_seconds=1, factor=3, max_backoff_seconds=9)


def test_rollback_is_the_default_where_any_step_can_be_undone() -> None:
    assert plan({"steps": [step("a"), step("b", compensate=UNDO)]}).on_failure is OnFailure.ROLLBACK


def test_an_undo_may_refer_to_its_own_step_and_to_all_before_it() -> None:
    references = ["$(steps.a.outputs.id)", "$(steps.c.outputs.id)", "$(failure.step)", "$(attempt)"]
    steps = [
        step("a", outputs=[{"name": "id"}]),
        step("b", dependsOn=["a"]),
        step("c", dependsOn=["b"], outputs=[{"name": "id"}], compensate={"container": {"args": references}}),
    ]
    spec = {"defaults": {"container": {"image": "x"}}, "steps": steps}
    assert plan(spec).by_name["c"].dependencies == ("b",)


FOREIGN = ["$(date)", "$(HOME)", "$$(params.x)", "$(params)", "$(attempts)", "$(params.x", "$(", "$", "", "$(itemize)"]


@pytest.mark.parametrize("text", FOREIGN)
def test_what_is_not_ours_passes_through(text: str) -> None:
    work = plan({"steps": [step("a", {"image": "x", "args": [text]})]}).steps[0].work
    assert isinstance(work, Container)
    assert work.args == (text,)


def test_values_of_parameters_are_data() -> None:
    spec = {"parameters": [{"name": "x", "value": "$(params.y) $(item)"}], "steps": [step("a")]}
    assert plan(spec).parameters == {"x": "$(params.y) $(item)"}


WARNINGS: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    (
        "a step may run longer than the Workflow",
        {"timeoutSeconds": 10, "steps": [step("a", timeoutSeconds=11), step("b", timeoutSeconds=10)]},
        ("spec.steps[0].timeoutSeconds: found 11; the Workflow ends after 10",),
    ),
    (
        "every step may run longer than the Workflow",
        {"timeoutSeconds": 10, "defaults": {"timeoutSeconds": 20}, "steps": [step("a"), step("b")]},
        ("spec.defaults.timeoutSeconds: found 20; the Workflow ends after 10",),
    ),
    (
        "a rollback would find nothing to undo",
        {"onFailure": "Rollback", "steps": [step("a")]},
        ("spec.onFailure: found Rollback and no step with compensate; there will be nothing to undo",),
    ),
    (
        "a rollback is described and there is nothing to undo",
        {"rollback": {"parallelism": 1}, "steps": [step("a")]},
        ("spec.rollback: found without any step with compensate; there will be nothing to undo",),
    ),
    (
        "nothing, where an undo for successes alone uses an output",
        {
            "steps": [
                step(
                    "a",
                    outputs=[{"name": "id"}],
                    compensate={"container": {"image": "x", "args": ["$(steps.a.outputs.id)"]}, "when": "Succeeded"},
                )
            ]
        },
        (),
    ),
    (
        "an undo uses an output that a failed step has not given",
        {
            "steps": [
                step(
                    "a",
                    outputs=[{"name": "id"}, {"name": "url"}],
                    compensate={
                        "container": {"image": "x", "args": ["$(steps.a.outputs.id)", "$(steps.a.outputs.id)"]}
                    },
                )
            ]
        },
        ("spec.steps[0].compensate.container: refers to id; empty if the step failed before it gave it",),
    ),
    (
        "a manifest too large for the annotation of kubectl apply",
        {"steps": [step(f"s{i}", env=[{"name": "TEXT", "value": "x" * 30_000}]) for i in range(9)]},
        ("spec: found 270,722 bytes; kubectl apply needs --server-side for manifests above 262,144",),
    ),
]


@pytest.mark.parametrize(("sentence", "spec", "warnings"), WARNINGS, ids=[w[0] for w in WARNINGS])
def test_warns_when(sentence: str, spec: dict[str, Any], warnings: tuple[str, ...]) -> None:
    assert plan(spec).warnings == warnings


def test_the_estimate_holds_spec_names_and_all_records() -> None:
    small = plan({"steps": [step("a")]}).object_bytes
    assert plan({"steps": [step("a")]}, name="xyz", namespace="de").object_bytes == small + 5
    grown = plan({"steps": [step("a", outputs=[{"name": "id", "maxBytes": 100}, {"name": "b"}], compensate=UNDO)]})
    spec_growth = len(',"outputs":[{"name":"id","maxBytes":100},{"name":"b"}],"compensate":' + json.dumps(UNDO)) - 2
    records = COMPENSATION_STATUS_BYTES + len('"a":999,') + 100 + 256 + len('"id":"","b":"",')
    assert grown.object_bytes == small + spec_growth + records


def test_the_estimate_counts_what_the_api_server_escapes() -> None:
    plain, escaped = (
        plan({"steps": [step("a", env=[{"name": "A", "value": v}])]}).object_bytes for v in ("xxx", "<>&")
    )
    assert escaped == plain + 3 * 5


def test_a_chain_of_the_most_steps_is_planned() -> None:
    steps = [{"name": f"s{i}", "container": {}, "dependsOn": [f"s{i - 1}"] if i else []} for i in range(STEPS_MAX)]
    chain = plan({"defaults": {"container": {"image": "x"}}, "steps": steps[::-1]})
    assert len(chain.critical_path) == len(chain.levels) == STEPS_MAX
    assert chain.object_bytes <= OBJECT_BYTES_MAX


def test_a_cycle_through_the_most_steps_is_spelled_out() -> None:
    steps = [{"name": f"s{i}", "container": {}, "dependsOn": [f"s{(i + 1) % STEPS_MAX}"]} for i in range(STEPS_MAX)]
    (error,) = refusal({"defaults": {"container": {"image": "x"}}, "steps": steps})
    assert error.startswith("spec.steps[0].dependsOn[0]: found the cycle s0 -> s1 -> s2")
    assert "s18 -> (3,981 more) -> s0; each" in error


def test_thousands_of_unknown_names_are_all_reported() -> None:
    steps = [step(f"s{i}", dependsOn=[f"t{i}"]) for i in range(1000)]
    assert len(refusal({"steps": steps})) == 1000


def test_an_error_tells_path_what_was_found_and_what_would_be_right() -> None:
    error = SpecError("spec.steps", "found an empty list", "must have an entry")
    assert str(error) == "spec.steps: found an empty list; must have an entry"
    assert str(InvalidSpec((error, error))) == f"{error}\n{error}"


def test_errors_are_sorted_by_place() -> None:
    paths = ["spec", "spec.steps[2]", "spec.steps[2].name", "spec.steps[10].name", 'spec.steps[10]["a b"]']
    errors = [SpecError(path, "", "") for path in paths]
    assert sorted(error.path for error in by_place([*errors[::-1], *errors])) == sorted(paths)
    assert [error.path for error in by_place(errors[::-1])][:3] == paths[:3]


UNTYPED: list[tuple[str, Any, tuple[str, ...]]] = [
    (
        "names that are numbers, as YAML may read them",
        {1: 2, "defaults": {"pod": {"labels": {1: "x"}}}, "steps": [step("a")]},
        (
            "spec.defaults.pod.labels[1]: found 1; names must be strings",
            "spec[1]: found 1; names must be strings",
        ),
    ),
    (
        "names that are no Unicode",
        {"defaults": {"pod": {"labels": {"\ud800": "x"}}}, "steps": [step("a")]},
        ('spec.defaults.pod.labels: found "\\ud800"; must be valid Unicode',),
    ),
    (
        "values that are no Unicode",
        {"steps": [step("a", env=[{"name": "A", "value": "\ud800"}])]},
        ('spec.steps[0].container.env[0].value: found "\\ud800"; must be valid Unicode',),
    ),
    (
        "a number of thousands of digits",
        {"parallelism": 10**5000, "steps": [step("a")]},
        ("spec.parallelism: found a huge number; must be at most 4000",),
    ),
]


@pytest.mark.parametrize(("sentence", "spec", "errors"), UNTYPED, ids=[case[0] for case in UNTYPED])
def test_refuses_what_no_api_server_would_pass_on(sentence: str, spec: Any, errors: tuple[str, ...]) -> None:
    assert refusal(spec) == errors


def test_a_part_that_contains_itself_is_refused_once() -> None:
    part: dict[str, Any] = {"text": "\x00"}
    part["part"] = part
    assert refusal({"steps": [step("a")], "x": part}) == (
        'spec.x: unknown field "x"; there are parameters, defaults, steps, finally, outputs, parallelism, '
        "timeoutSeconds, onFailure, inFlight, rollback, concurrency, suspend, ttlSecondsAfterFinished, deletionPolicy",
        'spec.x.text: found "\\u0000"; a process cannot be given a NUL character',
    )


def test_a_cycle_is_placed_at_the_first_step_of_its_name() -> None:
    steps = [step("a", dependsOn=["b"]), step("b", dependsOn=["a"]), step("a", dependsOn=["b"])]
    assert [error.split(":")[0] for error in refusal({"steps": steps})] == [
        "spec.steps[0].dependsOn[0]",
        "spec.steps[2].name",
    ]


def test_any_mapping_is_a_spec() -> None:
    spec = MappingProxyType({"steps": [step("a")]})
    assert plan(spec) == plan(dict(spec))


# Whatever stands in a spec, it is planned or refused, and nothing else happens.

JUNK: list[Any] = [None, True, 0, -1, 1.5, 10**30, "", "x", "\x00", "\ud800", "$(params.x", "$(steps.a.outputs.b)"]
JUNK += [
    "$(item)",
    [],
    {},
    [None],
    {"name": None},
    {"x": 1},
    {1: 2},
    ["a", "a"],
    {"kubesaga.dev/x": "$(attempt)"},
    "a" * 300,
]

FULL: dict[str, Any] = {
    "parameters": [{"name": "x", "value": "1"}],
    "defaults": {
        "container": {
            "image": "a",
            "env": [{"name": "E", "value": "$(params.x)"}],
            "resources": {"limits": {"cpu": 1}},
        },
        "pod": {"labels": {"a": "b"}, "volumes": [{"name": "v", "emptyDir": {}}], "tolerations": [{"key": "k"}]},
        "retry": {"limit": 1, "backoffSeconds": 2},
        "timeoutSeconds": 5,
    },
    "steps": [
        step(
            "a",
            {
                "command": ["sh", "-c", "true"],
                "args": ["$(params.x)"],
                "env": [{"name": "F", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
                "envFrom": [{"secretRef": {"name": "s"}}],
                "volumeMounts": [{"name": "v", "mountPath": "/x"}],
                "securityContext": {"capabilities": {"drop": ["ALL"]}},
                "workingDir": "/",
            },
            outputs=[{"name": "b", "maxBytes": 5}],
            retry={"limit": 1, "maxBackoffSeconds": 7},
            compensate={"container": {"args": ["$(steps.a.outputs.b)"]}, "retry": {"factor": 2}, "timeoutSeconds": 4},
        ),
        step("b", {"image": "$(steps.a.outputs.b)"}, dependsOn=["a"], compensate={"deleteJob": {}}, timeoutSeconds=6),
    ],
    "onFailure": "Stop",
    "timeoutSeconds": 7,
}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, entry in entries for place in places(entry, (*path, key)))]


def changed(value: Any, path: tuple[Any, ...], change: Callable[[Any], Any]) -> Any:
    if not path:
        return change(value)
    copy = value.copy()
    copy[path[0]] = changed(value[path[0]], path[1:], change)
    return copy


def acceptable(spec: Any) -> None:
    """The spec is planned, or refused in words that anybody can read."""
    for error in errors_of(spec):
        assert str(error).isprintable()
        assert error.path.startswith("spec")
        assert "nput should" not in str(error)
        assert "{" not in error.expected


def errors_of(spec: Any) -> tuple[SpecError, ...]:
    try:
        plan(spec)
    except InvalidSpec as refused:
        return refused.errors
    return ()


@pytest.mark.parametrize("place", places(FULL), ids=str)
def test_junk_at_any_place_is_refused_or_planned(place: tuple[Any, ...]) -> None:
    for junk in JUNK:
        acceptable(changed(FULL, place, lambda _, junk=junk: junk))


@pytest.mark.parametrize("place", places(FULL)[1:], ids=str)
def test_any_part_may_be_missing(place: tuple[Any, ...]) -> None:
    def without(container: Any) -> Any:
        entries = container.items() if isinstance(container, dict) else enumerate(container)
        kept = [(key, entry) for key, entry in entries if key != place[-1]]
        return dict(kept) if isinstance(container, dict) else [entry for _, entry in kept]

    acceptable(changed(FULL, place[:-1], without))


@given(st.lists(st.tuples(st.sampled_from(places(FULL)), st.sampled_from(JUNK)), min_size=2, max_size=6))
def test_junk_at_several_places_is_refused_or_planned(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    spec = FULL
    for place, junk in changes:
        if place in places(spec):
            spec = changed(spec, place, lambda _, junk=junk: junk)
    acceptable(spec)
