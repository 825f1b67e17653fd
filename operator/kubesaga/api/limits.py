"""Every bound of the API, each with the reason for its value."""

from typing import Final

STEPS_MAX: Final = 4_000
"""A status write costs the API server 0.9 s at 5,000 steps; beyond 4,000 one write per pass no longer keeps up."""

OBJECT_BYTES_MAX: Final = 1_048_576
"""etcd refuses requests of 1.5 MiB; a third is kept free for managedFields and for what others annotate."""

STEP_STATUS_BYTES: Final = 120
"""Room that the size estimate reserves for the record of one finished step, beside its name and outputs."""

FINALLY_STEPS_MAX: Final = 100
"""They all run at the end, and are looked at one by one: what needs more than a few is a Workflow of its own."""

COMPENSATION_STATUS_BYTES: Final = 130
"""Room reserved for the record of one undo, so that a rollback can always be written down."""

FALLBACK_STATUS_BYTES: Final = 60
"""Room reserved for what the record of a step says of its fallback."""

FALLBACK_UNDO_STATUS_BYTES: Final = 90
"""Room reserved for how the undo of a fallback ended, and for the incarnation of its effect."""

MESSAGE_BYTES_MAX: Final = 1_024
"""A message of one step or condition; long enough for a sentence and the tail of an error."""

FAILURE_BYTES_MAX: Final = 16_384
"""The first cause in words. A spec with errors has no steps yet, so there is room for all of the errors."""

STEP_MESSAGE_BYTES_MAX: Final = 256
"""A message of one step: the exit code and the last line of what was said."""

EXIT_CODE_MAX: Final = 255
"""A process ends with one byte; 0 is success."""

STEP_MESSAGES_BYTES_MAX: Final = 262_144
"""The messages of all steps and undos: where thousands fail at once each is cut shorter, so that all can be written."""

OUTPUT_BYTES_DEFAULT: Final = 256
"""Room for one declared output where it names none: an identifier, a URL, a digest."""

STEP_OUTPUT_BYTES_MAX: Final = 4_096
"""The kubelet keeps no more than 4,096 bytes of a container's termination message."""

WORKFLOW_OUTPUT_BYTES_MAX: Final = 262_144
"""All outputs together: a quarter of OBJECT_BYTES_MAX."""

WORKFLOW_OWN_OUTPUT_BYTES_MAX: Final = STEP_OUTPUT_BYTES_MAX
"""What a Workflow gives as a whole: no more than one of its steps may, so that one may stand for the other."""

APPLY_ANNOTATION_BYTES_MAX: Final = 262_144
"""kubectl's client-side apply stores the manifest in an annotation, and all annotations share 256 KiB."""

NAME_LENGTH_MAX: Final = 63
"""A DNS label (RFC 1123)."""

OBJECT_NAME_LENGTH_MAX: Final = 253
"""A DNS subdomain (RFC 1123)."""

JOB_NAME_LENGTH_MAX: Final = 57
"""The Job controller names Pods after their Job and adds six characters; together they stay a DNS label."""

PARAMETERS_MAX: Final = 256
"""Parameters are read by people; what needs more belongs into a ConfigMap."""

VALUE_LENGTH_MAX: Final = 32_768
"""One string that a user writes: a script fits, a payload belongs elsewhere (an exec argument ends at 128 KiB)."""

LIST_MAX: Final = 256
"""Arguments, environment variables, mounts and the like, per container."""

DEPENDENCIES_MAX: Final = 4_000
"""A fan-in may gather every other step."""

OUTPUTS_MAX: Final = 64
"""Declared outputs of one step, which share STEP_OUTPUT_BYTES_MAX; and of a Workflow."""

RETRY_LIMIT_MAX: Final = 100
"""With the longest back-off this is a night; what fails that often needs a person."""

SECONDS_MAX: Final = 31_536_000
"""A year."""

WHEN_LENGTH_MAX: Final = 2_048
"""A condition is read by people; the longest that kubesaga can be made to evaluate takes milliseconds (measured)."""

WHEN_PATTERN_LENGTH_MAX: Final = 64
"""A regular expression of a condition: matching costs its length times that of the value (measured)."""

WHEN_VALUE_LENGTH_MAX: Final = 4_096
"""A parameter that a condition reads; no output is longer (STEP_OUTPUT_BYTES_MAX)."""

WHEN_COSTLY_CALLS_MAX: Final = 4
"""Concatenations and regular expressions of a condition; what else it says costs no more than its length (measured)."""

PARALLELISM_MAX: Final = 4_000
"""No more steps than there can be."""

CONCURRENCY_LIMIT_MAX: Final = 1_000
"""Beyond that it is no limit: who has a place stands in one annotation, see LINE_BYTES_MAX."""

LINE_BYTES_MAX: Final = 204_800
"""All annotations of an object share 256 KiB; about 3,000 Workflows of usual names fit in line for one key."""

CONDITIONS_MAX: Final = 16
"""Six types are in use."""

HANDLED_REQUESTS_MAX: Final = 64
"""One record per verb and target; the oldest go first when there are more targets, but not of what still stands."""

STATUS_OPERATIONS_MAX: Final = 5_000
"""The API server refuses a JSON Patch of more than 10,000 operations; above half of it lists are replaced whole."""
