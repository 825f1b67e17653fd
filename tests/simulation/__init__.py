"""Seeded runs of the real controller in virtual time, against a simulated cluster in which things go wrong.

    PYTHONPATH=tests .venv/bin/python -m simulation --seed 123     replays one run and tells its story
    PYTHONPATH=tests .venv/bin/python -m simulation --runs 10000   runs many, and counts what was found

What is real: `kubesaga.controller.controller.Controller` with its queue, caches, passes and effects, and the whole
engine behind it, and the reflectors of Jobs and Pods. Two products of the operator are not in these runs: kopf, whose
part the watch of Workflows plays, and `cluster_client`, whose answers the simulated server gives as errors of
`kubesaga.controller.errors`.

What is simulated
    virtual_loop       time: the event loop's clock jumps to the next timer; nothing sleeps, no thread is started
    server, json_patch the API server: versions, preconditions, generation, the status subresource, validation,
                       finalizers and deletion; it keeps every commit. `server_scenarios` holds it against a real one
    garbage_collector  owners and what they own, in the background, in the foreground, orphaned
    job_controller     Jobs of one Pod: batching of a second, deadlines, suspension, the race of deadline and success
    nodes              scheduler and kubelets: start, end, termination with grace, nodes cut off or dead, eviction
    client, watch, watch_source
                       calls and watches of one operator, each with its travel time, lag and what may go wrong
    operator_process   an operator that may crash at any call, stand still, or run beside another
    faults             what goes wrong, at which call; every kind adds itself
    scenarios          random Workflows and the fate of every attempt; every feature adds itself
    run, history       one run until nothing happens any more, and what happened in it
    oracle, invariants, excuses
                       the judgement;  shrinking: fewer faults;  story: for people

The judgement
    Each seed is run twice, without faults and with them. A strict scenario is made so that timing cannot decide what
    becomes of it: the end state (phase, reason, records of all steps, answers to requests; times and words aside) and
    the multiset of Jobs created, made tombstones, stopped and deleted are those of the run without faults. A loose one
    fails anywhere, is asked for verbs at any time, and loses Jobs, Pods and itself: there the invariants are asked for.
    The invariants hold in every run. Every run ends, or waits for a person, and then nothing is written any more.

Bounds and assumptions
    - 1 to 60 steps as a rule, up to 1,000 in one run of a thousand; up to 16 faults a run; one Workflow at a time.
    - A crash, a pause and a lost answer strike at calls, before they arrive or after they took effect, and at random
      moments between calls. Between two calls an operator does nothing that anybody could see.
    - A strict run is compared only in what does not depend on timing. So what ends it early is a step that is ordered
      with every other step; deadlines and requests come while that step lasts for ever; clocks jump by no more than
      300 s where the time of day decides; nodes are lost only where no attempt has a time limit. Exit codes and
      messages are not compared: they are what was seen of a Pod in time.
    - Watches end, lag, repeat and go back in time, but what they tell of one object is in order from there on.
    - A 409 that has no cause in the objects is given to patches only: the API server gives no other.
    - Names guard Jobs as long as their Workflow is there. An operator that stood still while its Workflow ended and was
      deleted may still create a Job of it, which the garbage collector takes away; such Jobs are left out of account.
    - A Job that somebody else deletes before its uid was recorded is not known to have been: it may run once more, or
      be taken for never started and not be undone. The name of one that was recorded is free again as well, and an
      operator that stood still may take it. Steps of which either is so are left out of account.
    - A Job that an undo by deletion took away may be created again by another operator, one that decided on it before,
      while its name is free. What is asked for then is that it is gone when the undo is done.
    - A Pod whose Job was deleted with `--cascade=orphan` is waited for; where it lasts for ever a person deletes it.
    - There is no admission, no quota but as a fault, one namespace that is not deleted, and no resubmission's own run.
"""
