"""Where a command line hands a script to a shell. A value substituted there would be run as code."""

import re
from collections.abc import Sequence
from typing import Final

_SHELLS: Final = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh", "busybox"})
_COMMAND_FLAG: Final = re.compile(r"-[A-Za-z]*c[A-Za-z]*|--command(=.*)?", re.DOTALL)


def script_indexes(command: Sequence[str] | None, args: Sequence[str] | None) -> frozenset[int]:
    """Places in command + args that a shell runs as a script.

    Cautious where it cannot know: any element whose base name is a shell's counts as one, whatever stands before it
    (`env`, `timeout 5`, `tini --`); and without a command the image's entrypoint may be a shell.
    """
    words = [*(command or ()), *(args or ())]
    shell = next((i for i, word in enumerate(words) if word.rsplit("/", 1)[-1] in _SHELLS), None)
    if shell is None:
        if command or not words:
            return frozenset()
        shell = -1
    return _scripts(words, shell + 1)


def _scripts(words: Sequence[str], first: int) -> frozenset[int]:
    """After a flag like -c: every further option, and the first word that is none, which is the script."""
    flag = next((i for i in range(first, len(words)) if _COMMAND_FLAG.fullmatch(words[i])), None)
    if flag is None:
        return frozenset()
    script = next((i for i in range(flag + 1, len(words)) if not words[i].startswith("-")), len(words) - 1)
    return frozenset(range(flag, script + 1))
