"""`kubesaga schema`: the JSON schema for editors."""

import json
from typing import TextIO

from kubesaga.api.editor_schema import editor_schema


def print_schema(stream: TextIO) -> None:
    """Write the schema as docs/workflow.schema.json has it."""
    stream.write(f"{json.dumps(editor_schema(), indent=1)}\n")
