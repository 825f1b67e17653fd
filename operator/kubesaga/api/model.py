"""The base of every model of the API: frozen, strict about unknown fields, camelCase on the wire."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, PlainSerializer, StrictBool
from pydantic.alias_generators import to_camel


class ApiModel(BaseModel):
    """A frozen value. Fields are snake_case in Python and camelCase on the wire; unknown fields are errors."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )

    def wire(self) -> dict[str, Any]:
        """The object as Kubernetes stores it: JSON types, camelCase, without what equals a default."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def rfc3339(moment: datetime) -> str:
    """A moment in UTC as Kubernetes writes it; the fraction only where there is one."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


Flag = StrictBool
"""True or false, and no string that looks like it."""

Timestamp = Annotated[datetime, PlainSerializer(rfc3339, return_type=str, when_used="json")]
"""A timezone-aware moment; whole seconds wherever nothing is computed from it again."""
