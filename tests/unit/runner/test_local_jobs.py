"""Local Jobs show what the Job controller and the kubelet would show."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from gate import Gate
from kubesaga.api.names import Direction
from kubesaga.engine.observation import JobObservation, PodObservation
from kubesaga.runner.child import Child
from kubesaga.runner.local_jobs import LocalJobs
from kubesaga.runner.object_store import ObjectStore


class Machine:
    """A store with local Jobs, and somebody who waits for what happens."""

    def __init__(self, folder: Path, store: ObjectStore | None = None) -> None:
        self.store = store or ObjectStore()
        self.said: list[tuple[str, Direction, str]] = []
        self.jobs = LocalJobs(self.store, "default", folder, lambda *line: self.said.append(line))
        self._changed = asyncio.Event()
        self.store.listen(lambda *_: self._changed.set())

    async def create(self, script: str, name: str = "j", **spec: Any) -> None:
        labels = {"kubesaga.dev/step": "s", "kubesaga.dev/direction": "Forward"}
        container = {"name": "step", "command": ["/bin/sh", "-c", script], "env": TERMINATION_LOG}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
        job = {"metadata": {"name": name, "labels": labels}, "spec": {"template": template, **spec}}
        await self.store.create_job("default", job)

    async def until(self, done: Callable[[], Any]) -> None:
        async with asyncio.timeout(20):
            while not done():
                self._changed.clear()
                await self._changed.wait()

    async def ended(self) -> JobObservation:
        await self.until(lambda: self.job.terminal)
        return self.job

    @property
    def job(self) -> JobObservation:
        return JobObservation.parse(self.store.get("jobs", "j"))

    @property
    def pod(self) -> PodObservation:
        return PodObservation.parse(self.store.get("pods", "j-local"))


TERMINATION_LOG = [{"name": "KUBESAGA_TERMINATION_LOG", "value": "/dev/termination-log"}]
STOP = {"spec": {"activeDeadlineSeconds": 1}}


@pytest.fixture
async def machine(tmp_path) -> AsyncIterator[Machine]:
    machine = Machine(tmp_path / "jobs")
    yield machine
    await machine.jobs.kill()


@pytest.fixture
def gate(tmp_path) -> Gate:
    return Gate(tmp_path / "gate")


@pytest.fixture
def farewell(tmp_path) -> Gate:
    """A gate for what a process does on SIGTERM."""
    return Gate(tmp_path / "farewell")


@pytest.fixture
def never(tmp_path) -> Gate:
    """A gate that nobody opens."""
    return Gate(tmp_path / "never")


async def test_a_process_that_succeeds_is_a_complete_job(machine):
    await machine.create('printf \'{"a": "b"}\' > $KUBESAGA_TERMINATION_LOG; echo done')
    job = await machine.ended()
    assert (job.complete, job.failed, job.succeeded, job.active, job.terminating) == (True, False, 1, 0, 0)
    assert (machine.pod.phase, machine.pod.exit_code, machine.pod.termination_message) == ("Succeeded", 0, '{"a": "b"}')
    assert machine.pod.job_uid == job.uid
    assert machine.said == [("s", Direction.FORWARD, "done")]


async def test_a_process_that_fails_is_a_failed_job_and_its_log_says_why(machine):
    await machine.create("echo what is wrong >&2; exit 3")
    job = await machine.ended()
    assert (job.complete, job.failed, job.failed_reason) == (False, True, "BackoffLimitExceeded")
    assert (machine.pod.phase, machine.pod.exit_code) == ("Failed", 3)
    assert machine.pod.termination_message == "what is wrong\n"


async def test_while_it_runs_the_job_is_active(machine, gate):
    await machine.create(f"cat {gate}")
    await machine.until(lambda: machine.job.active)
    assert (machine.job.terminal, machine.pod.phase, machine.pod.ended) == (False, "Running", False)
    await gate.opened()
    assert (await machine.ended()).complete


async def test_of_a_termination_message_4096_bytes_are_kept(machine):
    await machine.create("head -c 5000 /dev/zero | tr '\\0' x > $KUBESAGA_TERMINATION_LOG")
    await machine.ended()
    assert machine.pod.termination_message == "x" * 4096


async def test_a_command_that_does_not_exist_is_a_failed_pod(machine):
    await machine.create("")
    machine.store.get("jobs", "j")
    raw = machine.store.get("jobs", "j")
    raw["spec"]["template"]["spec"]["containers"][0]["command"] = ["no-such-command"]
    machine.store.patch("jobs", "j", {"spec": raw["spec"]})
    assert (await machine.ended()).failed_reason == "BackoffLimitExceeded"
    assert machine.pod.exit_code == 127
    assert "no-such-command: there is no such command on this machine" in machine.pod.termination_message


async def test_a_suspended_job_does_not_run(machine, tmp_path):
    await machine.create(f"touch {tmp_path}/ran", suspend=True, parallelism=0)
    await machine.create("true", name="other")
    await machine.until(lambda: machine.store.get("jobs", "other").get("status", {}).get("succeeded"))
    assert not machine.job.active
    assert not (tmp_path / "ran").exists()


async def test_a_suspended_job_that_is_stopped_fails_without_a_pod(machine):
    await machine.create("true", suspend=True)
    machine.store.patch("jobs", "j", {"spec": {**STOP["spec"], "suspend": False, "parallelism": 0}})
    assert (await machine.ended()).failed_reason == "DeadlineExceeded"
    assert machine.store.all("pods") == []


async def test_a_stopped_job_fails_when_its_process_has_ended(machine, gate, farewell, never):
    await machine.create(f"trap 'cat {farewell}; exit 9' TERM; cat {gate}; cat {never} & wait $!")
    await gate.opened()
    machine.store.patch("jobs", "j", STOP)
    await asyncio.sleep(0)
    assert not machine.job.terminal
    await farewell.opened()
    job = await machine.ended()
    assert (job.failed_reason, machine.pod.exit_code) == ("DeadlineExceeded", 9)


async def test_a_job_that_is_stopped_before_it_began_never_runs(machine, tmp_path):
    await machine.create(f"touch {tmp_path}/ran")
    machine.store.patch("jobs", "j", STOP)
    assert (await machine.ended()).failed_reason == "DeadlineExceeded"
    assert not (tmp_path / "ran").exists()


async def test_a_process_that_does_not_heed_sigterm_is_killed(machine, gate):
    await machine.create(f"trap '' TERM; cat {gate}; cat {gate}")
    machine.store.patch("jobs", "j", {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 0}}}})
    await gate.opened()
    machine.store.patch("jobs", "j", STOP)
    job = await machine.ended()
    assert (job.failed_reason, machine.pod.exit_code) == ("DeadlineExceeded", 137)


async def test_a_deadline_of_one_second_is_a_second_and_no_stop(machine):
    await machine.create("exit 0", activeDeadlineSeconds=1)
    assert (await machine.ended()).complete


async def test_a_deadline_stops_the_process(machine, gate):
    await machine.create(f"cat {gate}", activeDeadlineSeconds=0)
    assert (await machine.ended()).failed_reason == "DeadlineExceeded"


async def test_a_deleted_job_is_gone_when_its_process_has_ended(machine, gate, farewell, never):
    await machine.create(f"trap 'cat {farewell}; exit 0' TERM; cat {gate}; cat {never} & wait $!")
    await gate.opened()
    await machine.store.delete_job("default", "j", machine.job.uid)
    assert machine.job.deleting
    await farewell.opened()
    await machine.until(lambda: machine.store.get("jobs", "j") is None)
    assert machine.store.all("pods") == []


async def test_the_runner_that_comes_next_waits_for_what_runs(machine, gate, tmp_path):
    ledger = tmp_path / "ledger"
    await machine.create(f"echo began >> {ledger}; cat {gate}; exit 5")
    await machine.until(lambda: machine.job.active)
    second = Machine(tmp_path / "jobs", machine.store)
    second.jobs.resume()
    await gate.opened()
    await second.ended()
    assert (second.pod.exit_code, ledger.read_text()) == (5, "began\n")


async def test_a_pod_that_was_written_down_and_never_started_is_started_by_the_next_runner(tmp_path):
    """The first runner was killed between the two."""
    first = Machine(tmp_path / "jobs")
    await first.create("exit 0")
    raw = first.store.get("jobs", "j")
    first.jobs._create_pod(raw)
    await first.jobs.kill()
    second = Machine(tmp_path / "jobs", first.store)
    second.jobs.resume()
    assert (await second.ended()).complete


async def test_what_began_before_the_machine_went_down_is_a_failure_and_never_begun_again(tmp_path, monkeypatch):
    first = Machine(tmp_path / "jobs")
    await first.create(f"touch {tmp_path}/ran")
    first.jobs._create_pod(first.store.get("jobs", "j"))
    first.store.set_status("jobs", "j", {"startTime": "2026-01-02T03:04:05Z", "active": 1})
    await first.jobs.kill()
    monkeypatch.setattr("kubesaga.runner.local_jobs._boot_id", lambda: "another boot")
    second = Machine(tmp_path / "jobs", first.store)
    second.jobs.resume()
    assert (await second.ended()).failed
    assert (second.pod.exit_code, "not known" in second.pod.termination_message) == (255, True)
    assert not (tmp_path / "ran").exists()


async def test_kill_leaves_jobs_as_they_are(machine, gate):
    await machine.create(f"cat {gate}")
    await machine.until(lambda: machine.job.active)
    await machine.jobs.kill()
    assert (machine.job.terminal, machine.pod.phase) == (False, "Running")
    child = Child(machine.jobs._folder / "j")
    assert await child.wait() is None
