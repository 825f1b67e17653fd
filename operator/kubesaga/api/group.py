"""What the API group is called, and its kind."""

from typing import Final

GROUP: Final = "kubesaga.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "Workflow"
PLURAL: Final = "workflows"
DESCRIPTION: Final = "A graph of steps that is finished or undone. Each step runs as a Job."
