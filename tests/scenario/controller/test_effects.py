"""What a call returned is in the cache before any watch shows it: so where it is news, it calls for a pass itself."""

from typing import Any

import pytest

from kubesaga.api.names import Direction
from kubesaga.api.status import StepState, StepStatus
from kubesaga.api.workflow import Workflow
from kubesaga.controller.controller import Controller, utc_now
from kubesaga.controller.effects import Aftermath, Effects
from kubesaga.engine.action import Action, CreateJob, DeleteJob, StopJob
from kubesaga.engine.executor import StepExecutor
from kubesaga.engine.observation import JobObservation
from kubesaga.engine.planner import WorkflowPlanner
from kubesaga.runner.object_store import ObjectStore


class Scene:
    """One Workflow of one step, and a controller whose watches show nothing by themselves."""

    def __init__(self) -> None:
        self.cluster = ObjectStore()
        self.controller = Controller(self.cluster)
        spec: dict[str, Any] = {"steps": [{"name": "a", "container": {"image": "i"}}]}
        made = {"apiVersion": "kubesaga.dev/v1alpha1", "kind": "Workflow", "metadata": {"name": "order"}, "spec": spec}
        self.workflow = Workflow.parse(self.cluster.create("workflows", made))
        self.executor = StepExecutor(self.workflow, WorkflowPlanner().plan(spec))
        self.record = StepStatus(name="a", state=StepState.STARTING)

    def create(self) -> CreateJob:
        return self.executor.create("a", Direction.FORWARD, self.record, self.workflow.status, {})

    def tombstone(self) -> CreateJob:
        return self.executor.tombstone("a", Direction.FORWARD, self.record, self.workflow.status, {})

    async def does(self, action: Action) -> Aftermath:
        known = self.controller.workflows, self.controller.jobs, self.controller.pods, self.controller.places
        return await Effects(self.cluster, *known, utc_now).carry_out(self.workflow, [action])

    def shown(self) -> bool:
        """The watch shows the Job as it is; whether that is new to the cache."""
        raw = self.cluster.all("jobs")[0]
        return self.controller.jobs.put(self.workflow.uid, JobObservation.parse(raw))

    def job(self) -> JobObservation:
        return JobObservation.parse(self.cluster.all("jobs")[0])

    def ends(self) -> None:
        complete = {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}
        self.cluster.set_status("jobs", self.job().name, complete)


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_a_new_job_calls_for_a_pass_that_records_its_uid(scene: Scene) -> None:
    assert (await scene.does(scene.create())).pass_again


async def test_a_tombstone_calls_for_a_pass_for_nothing_becomes_of_it(scene: Scene) -> None:
    aftermath = await scene.does(scene.tombstone())
    assert not scene.shown(), "the watch shows nothing new"
    assert aftermath.pass_again


async def test_a_job_that_is_there_already_calls_for_a_pass_for_it_may_have_ended(scene: Scene) -> None:
    await scene.cluster.create_job("default", scene.create().manifest)
    scene.ends()
    aftermath = await scene.does(scene.create())
    assert not scene.shown(), "the watch shows nothing new"
    assert aftermath.pass_again


async def test_a_stop_calls_for_a_pass_for_the_job_may_have_ended_before(scene: Scene) -> None:
    await scene.does(scene.create())
    seen = scene.job()
    scene.ends()
    aftermath = await scene.does(scene.executor.stop(seen))
    assert not scene.shown(), "the watch shows nothing new"
    assert aftermath.pass_again


@pytest.mark.parametrize("what", ["stop", "delete"])
async def test_a_job_that_is_gone_calls_for_a_pass_for_the_cache_has_forgotten_it(scene: Scene, what: str) -> None:
    await scene.does(scene.create())
    seen = scene.job()
    scene.cluster.remove("jobs", seen.name)
    action: StopJob | DeleteJob = scene.executor.stop(seen) if what == "stop" else scene.executor.delete(seen)
    aftermath = await scene.does(action)
    assert scene.controller.jobs.remove(seen.uid) is None, "a watch that shows it gone calls for nothing"
    assert aftermath.pass_again


async def test_a_job_that_another_has_replaced_is_left_alone_and_calls_for_a_pass(scene: Scene) -> None:
    await scene.does(scene.create())
    seen = scene.job()
    scene.cluster.remove("jobs", seen.name)
    scene.cluster.create("jobs", scene.create().manifest)
    aftermath = await scene.does(scene.executor.stop(seen))
    assert (aftermath.errors, aftermath.pass_again) == ([], True)
    assert scene.job().active_deadline_seconds is None
