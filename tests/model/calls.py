"""What each call of an operator does to the cluster, and what the operator learns by it.

It mirrors `kubesaga.controller.effects` and the caches: AlreadyExists with our owner is success, ConfirmJob reads live,
and what a call returns is in the cache at once.
"""

from model import cluster
from model.cluster import Jobs
from model.state import (
    CREATE,
    DELETING,
    GOES_ON,
    TOMB,
    TOMBSTONE,
    Act,
    Job,
    JobView,
    Numbered,
    Operator,
    PodView,
    Stored,
)


class Rules:
    """How the shell behaves. Each may be switched off, to see that its absence is found."""

    status_first = True
    """The status is written before anything is done."""
    bound_to_version = True
    """A write is accepted only if nothing was written since."""
    decision_dropped_on_conflict = True
    owner_checked = True
    """AlreadyExists is success only where the Job is ours."""
    confirmed_live = True
    """ConfirmJob reads the API server, not the cache."""
    own_writes_remembered = True
    passes_again = True
    """What an action found out calls for a pass."""
    news_call_for_a_pass = True
    """What a call returned, beside what was asked for, calls for a pass: no watch will show it as new any more."""
    tombstones_wanted = True
    """A tombstone is created where the engine asks for one."""


class Calls:
    """The calls, by the rules that hold."""

    def __init__(self, stored: Numbered[Stored], rules: type[Rules]) -> None:
        self._stored = stored
        self._rules = rules

    def carry_out(self, one: Operator, act: Act, stored: int, jobs: Jobs) -> tuple[int, Jobs, Operator]:
        """The Workflow, the Jobs and the operator after a call."""
        there = cluster.living(jobs, act.name)
        match act.kind:
            case "create" | "create the tombstone":
                return (stored, *self._create(one, act, stored, jobs, there))
            case "stop":
                return (stored, *self._stop(one, act, jobs, there))
            case "delete":
                return (stored, *self._delete(one, act, jobs, there))
            case "confirm":
                return stored, jobs, self._confirm(one, act, jobs, there)
            case "set the finalizers":
                return (*self._finalize(one, act, stored, jobs),)
            case "read the namespace":
                return stored, jobs, one._replace(namespace_read=True, again=True)
            case "create a Workflow":
                return stored, jobs, one._replace(resubmitted=True, again=True)
        raise AssertionError(act)

    def _create(self, one: Operator, act: Act, stored: int, jobs: Jobs, there: Job | None) -> tuple[Jobs, Operator]:
        if there is None:
            if self._stored[stored].gone:
                return jobs, one  # The garbage collector takes it: its owner is gone.
            if act.kind == TOMB and not self._rules.tombstones_wanted:
                return jobs, one
            job = cluster.made(jobs, act.name, GOES_ON if act.kind == CREATE else TOMBSTONE)
            return cluster.with_job(jobs, job), self._taken(one, job, news=True)
        if there.ours:
            again = one.again or self._rules.news_call_for_a_pass
            return jobs, self._taken(one._replace(again=again), there)
        if not self._rules.owner_checked:
            return jobs, one._replace(jobs=_put(one.jobs, JobView(there.name, there.count, False, GOES_ON)))
        return jobs, one._replace(refused=tuple(sorted({*one.refused, act.name})), again=True)

    def _stop(self, one: Operator, act: Act, jobs: Jobs, there: Job | None) -> tuple[Jobs, Operator]:
        if there is None or there.count != act.count:
            return jobs, self._dropped(one, act)
        job = there._replace(stopped=True) if there.says == GOES_ON else there
        return cluster.with_job(jobs, job), self._taken(one, job, news=True)

    def _delete(self, one: Operator, act: Act, jobs: Jobs, there: Job | None) -> tuple[Jobs, Operator]:
        if there is None or there.count != act.count:
            return jobs, self._dropped(one, act)
        return cluster.with_job(jobs, there._replace(says=DELETING)), one

    def _confirm(self, one: Operator, act: Act, jobs: Jobs, there: Job | None) -> Operator:
        """A live read of the Job, and of the Pods of that name."""
        confirmed = one._replace(confirmed=tuple(sorted({*one.confirmed, act.name})), again=True)
        if not self._rules.confirmed_live:
            return confirmed
        if there is not None and there.ours:
            confirmed = self._taken(confirmed, there)
        elif there is None:
            confirmed = confirmed._replace(jobs=tuple(v for v in one.jobs if v.name != act.name))
        pods = confirmed.pods
        for pod in cluster.pod_views(jobs):
            if pod.name == act.name:
                pods = _put_pod(pods, pod)
        return confirmed._replace(pods=pods)

    def _finalize(self, one: Operator, act: Act, stored: int, jobs: Jobs) -> tuple[int, Jobs, Operator]:
        now = self._stored[stored]
        if now.gone:
            return stored, jobs, one
        if one.fresh:
            finalizers = tuple(act.name.split(",")) if act.name else ()
            stored = self._stored.of(now._replace(finalizers=finalizers, gone=now.deleting and not finalizers))
        if now.deleting:
            return stored, jobs, one._replace(fresh=False)
        return stored, jobs, one._replace(workflow=stored, fresh=True, again=True)

    def _taken(self, one: Operator, job: Job, *, news: bool = False) -> Operator:
        """What a call returned is in the cache at once; where it is news, no watch will call for a pass any more."""
        if not self._rules.own_writes_remembered:
            return one
        view = JobView(job.name, job.count, job.stopped, job.says)
        again = one.again or (news and view not in one.jobs and self._rules.news_call_for_a_pass)
        return one._replace(jobs=_put(one.jobs, view), again=again)

    def _dropped(self, one: Operator, act: Act) -> Operator:
        """A Job that a call did not find is not in the cache any more."""
        left = tuple(v for v in one.jobs if (v.name, v.count) != (act.name, act.count))
        return one._replace(jobs=left, again=one.again or self._rules.news_call_for_a_pass)


def _put(views: tuple[JobView, ...], view: JobView) -> tuple[JobView, ...]:
    """The views with one that is newer than what was there."""
    return tuple(sorted((*(v for v in views if (v.name, v.count) != (view.name, view.count)), view)))


def _put_pod(views: tuple[PodView, ...], view: PodView) -> tuple[PodView, ...]:
    return tuple(sorted((*(v for v in views if (v.name, v.count) != (view.name, view.count)), view)))
