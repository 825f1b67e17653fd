"""The Job of an attempt: everything that a cluster has to be told, and nothing that varies."""

from world import BEGINNING, COMPENSATION, FORWARD, UID, World, step

from kubesaga.api.names import Direction
from kubesaga.api.status import CompensationStatus, StepState, StepStatus
from kubesaga.engine.executor import StepExecutor

UNDO = {"container": {"image": "i"}}


def create(world: World, name: str = "a", direction=FORWARD, attempt: int = 1, way=FORWARD) -> dict:
    executor = StepExecutor(world.workflow(), world.plan())
    if direction is COMPENSATION:
        record = CompensationStatus(state=StepState.STARTING, attempt=attempt, way=way)
    else:
        record = StepStatus(name=name, state=StepState.STARTING, attempt=attempt, way=way)
    return executor.create(name, direction, record, world.status, world.steps).manifest


def container(manifest: dict) -> dict:
    return manifest["spec"]["template"]["spec"]["containers"][0]


def test_one_attempt_is_one_pod_that_is_never_restarted_or_overlapped() -> None:
    spec = create(World(step("a")))["spec"]
    assert (spec["backoffLimit"], spec["completions"], spec["parallelism"]) == (0, 1, 1)
    assert spec["podReplacementPolicy"] == "Failed"
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert "ttlSecondsAfterFinished" not in spec
    assert "activeDeadlineSeconds" not in spec


def test_disruptions_use_up_no_attempt() -> None:
    (rule,) = create(World(step("a")))["spec"]["podFailurePolicy"]["rules"]
    assert (rule["action"], rule["onPodConditions"][0]["type"]) == ("Ignore", "DisruptionTarget")


def test_the_workflow_owns_the_job_and_its_pods_carry_the_uid() -> None:
    manifest = create(World(step("a")))
    (owner,) = manifest["metadata"]["ownerReferences"]
    assert (owner["uid"], owner["controller"], owner["kind"]) == (UID, True, "Workflow")
    for labels in (manifest["metadata"]["labels"], manifest["spec"]["template"]["metadata"]["labels"]):
        assert labels["kubesaga.dev/workflow-uid"] == UID
        assert labels["kubesaga.dev/step"] == "a"


def test_every_pod_knows_who_it_is() -> None:
    env = {v["name"]: v["value"] for v in container(create(World(step("a")), attempt=3))["env"]}
    assert env["KUBESAGA_WORKFLOW"] == "order"
    assert (env["KUBESAGA_STEP"], env["KUBESAGA_ATTEMPT"], env["KUBESAGA_DIRECTION"]) == ("a", "3", "Forward")
    assert env["KUBESAGA_TERMINATION_LOG"] == "/dev/termination-log"
    assert env["TRACEPARENT"].startswith("00-")
    assert "KUBESAGA_FORWARD_IDEMPOTENCY_KEY" not in env


def test_the_idempotency_key_is_stable_over_attempts_and_known_to_the_undo() -> None:
    world = World(step("a", undo=True))
    keys = {
        v["value"]
        for attempt in (1, 2)
        for v in container(create(world, attempt=attempt))["env"]
        if v["name"] == "KUBESAGA_IDEMPOTENCY_KEY"
    }
    undo = {v["name"]: v["value"] for v in container(create(world, direction=COMPENSATION))["env"]}
    assert keys == {undo["KUBESAGA_FORWARD_IDEMPOTENCY_KEY"]}
    assert undo["KUBESAGA_IDEMPOTENCY_KEY"] not in keys


def test_each_way_has_a_key_and_the_undo_knows_both() -> None:
    world = World(step("a", undo=True, fallback={"container": {"image": "i"}, "compensate": UNDO}))

    def keys(**of) -> dict:
        env = {v["name"]: v["value"] for v in container(create(world, **of))["env"]}
        return {name.removeprefix("KUBESAGA_"): value for name, value in env.items() if name.endswith("_KEY")}

    own, other = keys()["IDEMPOTENCY_KEY"], keys(way=Direction.FALLBACK, attempt=2)["IDEMPOTENCY_KEY"]
    undo, other_undo = keys(direction=COMPENSATION), keys(direction=COMPENSATION, way=Direction.FALLBACK)
    assert len({own, other, undo["IDEMPOTENCY_KEY"], other_undo["IDEMPOTENCY_KEY"]}) == 4
    for one in (undo, other_undo):
        assert (one["FORWARD_IDEMPOTENCY_KEY"], one["FALLBACK_IDEMPOTENCY_KEY"]) == (own, other)


def test_a_job_of_a_fallback_says_so_and_goes_on_with_the_names_of_its_step() -> None:
    world = World(step("a", fallback={"container": {"image": "other"}, "timeoutSeconds": 7}))
    made = create(world, way=Direction.FALLBACK, attempt=2)
    env = {v["name"]: v["value"] for v in container(made)["env"]}
    assert made["metadata"]["name"] == create(world, attempt=2)["metadata"]["name"]
    assert made["metadata"]["labels"]["kubesaga.dev/direction"] == env["KUBESAGA_DIRECTION"] == "Fallback"
    assert (container(made)["image"], made["spec"]["activeDeadlineSeconds"]) == ("other", 7)


def test_references_are_resolved_and_what_the_kubelet_would_expand_is_escaped() -> None:
    field = {"name": "F", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}
    world = World(
        step(
            "a",
            container={
                "image": "i:$(params.tag)",
                "command": ["$(params.price)"],
                "args": ["$(attempt)", "$(HOME)"],
                "env": [{"name": "P", "value": "$(params.price)"}, field],
                "terminationMessagePath": "/out",
            },
        ),
        parameters=[{"name": "tag", "value": "1"}, {"name": "price", "value": "$(5)"}],
    )
    made = container(create(world))
    assert (made["image"], made["command"], made["args"]) == ("i:1", ["$$(5)"], ["1", "$(HOME)"])
    assert made["env"][-2:] == [{"name": "P", "value": "$$(5)"}, field]
    assert {"name": "KUBESAGA_TERMINATION_LOG", "value": "/out"} in made["env"]


def test_no_api_token_without_a_service_account() -> None:
    assert create(World(step("a")))["spec"]["template"]["spec"]["automountServiceAccountToken"] is False
    world = World(step("a"), defaults={"pod": {"serviceAccountName": "builder"}})
    spec = create(world)["spec"]["template"]["spec"]
    assert spec["serviceAccountName"] == "builder"
    assert "automountServiceAccountToken" not in spec


def test_settings_of_pods_reach_every_pod_and_our_labels_win() -> None:
    pod = {"labels": {"team": "x"}, "annotations": {"note": "y"}, "nodeSelector": {"type": "kwok"}}
    template = create(World(step("a"), defaults={"pod": pod}))["spec"]["template"]
    assert template["metadata"]["labels"]["team"] == "x"
    assert template["metadata"]["annotations"] == {"note": "y"}
    assert template["spec"]["nodeSelector"] == {"type": "kwok"}


def test_equal_arguments_give_equal_manifests() -> None:
    assert create(World(step("a"))) == create(World(step("a")))
    assert World(step("a")).now == BEGINNING
