"""Objects as YAML that every reader takes for the same: kubectl, and those of YAML 1.2."""

from typing import Any, TextIO

from ruamel.yaml import YAML
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import SafeRepresenter

from kubesaga.cli.yaml_text import AMBIGUOUS


class _Representer(SafeRepresenter):
    def represent_str(self, data: Any) -> ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=_style(data))

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


_Representer.add_representer(str, _Representer.represent_str)


def _style(text: str) -> str | None:
    """Quotes for what YAML 1.1 takes for a boolean, blocks for scripts."""
    if text in AMBIGUOUS or not all(c.isprintable() or c in "\n\t" for c in text):
        return '"'
    return "|" if "\n" in text and text[0] not in " \n" else None


def print_yaml(value: Any, stream: TextIO) -> None:
    """Write a value of JSON types."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = _Representer
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.allow_unicode = True
    yaml.width = 4096
    yaml.dump(value, stream)
