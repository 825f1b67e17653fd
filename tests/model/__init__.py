"""An explicit-state model checker over the real engine.

    PYTHONPATH=tests .venv/bin/python -m model [PART OF A NAME]

explores every configuration of `configuration.py` in full, breadth first, and prints what there was. Every promise of
`write_rules`, `effect_rules` and `world_rules` is checked in every world and on every transition. A broken one is told
as a story (`story`), with the moves that play it again (`replay`).

What decides is the real `kubesaga.engine.reconcile`, asked once for each thing that an operator can see (`brain`).
Everything round it is small hashable states (`state`) and the moves between them:

- the cluster (`cluster`): each Job has one Pod, which succeeds or fails; the Job's condition comes after it. A stopped
  Job's Pod succeeds, fails or ends as stopped; the Job says Complete or DeadlineExceeded. Where Pods linger, a Job
  says Failed while its Pod still runs. Somebody deletes a Job: it goes at once, its Pod runs on for a while. A twin
  with the same steps, or a squatter under the first step's name, has Jobs of its own.
- the operator (`model`): it mirrors `controller/pass_`, `effects`, `queue` and the two caches; every effect is one call
  of its own, and anything may happen between two calls. `test_shell` walks the real controller and this mirror through
  the same worlds and compares status, Jobs, cache and whether a pass is due. A pass is made only where the real queue
  would make one, so a lost wake-up shows as a run that stands still.
- faults: the operator dies between any two calls, as often as it likes, and begins anew with fresh lists; or, once,
  with a list from any moment of the past. Caches of Workflows and of Jobs with Pods (or all three) lag apart from each
  other, as long as they like. A write is accepted and its answer lost. Two operators both believe they lead.
- people: each verb, alone and in pairs, at any moment; spec.suspend; the deletion of a held Workflow; the deadline.

Graphs: every graph of up to three steps and the diamond of four, one of each shape, with every choice of undos, one of
each that the graph's symmetries turn into each other: with failures of any step, lagging caches and crashes. All else
on the smallest graphs that show it.

Bounds: two steps for most faults, one or two for two leaders, whose second makes one to three passes (what it has
decided it may do at any later time) and does not crash; one retry; one deletion, lost answer and journey to the past a
run; two requests a run, each token once. A configuration that outgrows `explorer.STATES_MAX` is an error.

Time is abstract. All that is past is one moment, a back-off that is not over one other; a timer fires at any time or
not yet. The deadline is a second moment that comes once. What only explains is left out: messages that come with time
(no Pod for 30 s, a Pod stuck for two minutes). `rollback.timeoutSeconds`, TTL, refusals other than of a taken name,
outputs, conditions but on outcomes, suspended Jobs and a namespace that is being deleted are not explored. A write that
may wait is made at once, but in the configurations that are `lazy`; the rest between two writes changes only when
passes are made, which is at any time here.

Assumptions: the API server answers reads and writes with its newest state, and refuses a write with an old
resourceVersion; a list at start is complete; a Pod that is shown as ended has ended; with the Jobs' and Pods' caches
apart, a Job says Failed only after its Pod has ended (Kubernetes 1.31 and later); where Pods linger, both caches are of
one moment.

Liveness: from every world that can be reached, if nothing more goes wrong, the run can come to an end, or wait for a
person, with its operator at rest. At rest a pass has nothing to do. No run goes in circles. Without people and faults
the outcome is a function of what the Jobs did.

The residue, which the promises name (`promised.Promised.is_residue`): a Job that somebody else deleted before its uid
was recorded may run once more, and the Pod that it left is nobody's; with a second leader, or one that begins with an
old list, it may at any later time, also after the end. With a second leader, the Job that an undo by deletion has just
deleted may be created once more before the tombstone has its name; it is deleted again.

A new feature joins by a line in `configuration`, its moves in `cluster` or `Model._people`, and, where it has a new
kind of action, a case in `brain.Brain._act` and `Model._called`. Each promise has a rule in `switched_off` whose
absence breaks it.
"""
