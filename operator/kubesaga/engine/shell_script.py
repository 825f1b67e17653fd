"""Where a command line hands a script to a shell. A value substituted there would be run as code.

Cautious where it cannot know. Any word whose base name is a shell's counts as one, whatever stands before it (`env`,
`timeout 5`, `tini --`). A program that is itself a reference may be a shell, and so may the entrypoint of the image
where there is no command. A reference in a flag may bring the `c` that makes it one.
"""

import re
from collections.abc import Sequence
from typing import Final

from kubesaga.engine.substitution import parse, references

_SHELLS: Final = frozenset(
    {"sh", "bash", "rbash", "dash", "ash", "zsh", "ksh", "rksh", "mksh", "oksh", "yash", "fish", "csh", "tcsh"}
    | {"busybox", "toybox", "su", "runuser", "pwsh"}
)
_SCRIPT_FLAG: Final = re.compile(r"-[A-Za-z]*[cC][A-Za-z]*|--(?:init-)?command(?:=.*)?", re.DOTALL)
_VALUE_FLAG: Final = re.compile(r"[-+][A-Za-z]*[oO]|--rcfile|--init-file")
_MAYBE_FLAG: Final = re.compile(r"^(?!--)|^--(?:init-)?command|^--split-string")
_SPLIT_FLAG: Final = re.compile(r"(?:-[A-Za-z]*?S|--split-string=?)(.*)", re.DOTALL)


def script_places(command: Sequence[str] | None, args: Sequence[str] | None) -> frozenset[int]:
    """Places in command + args that a shell runs as a script, and of the flags that make it one."""
    words = [*(command or ()), *(args or ())]
    if not any(word.startswith("-") and _MAYBE_FLAG.search(word) for word in words):
        return frozenset()  # No flag, no script: this is said of most commands.
    for place, word in enumerate(words):
        if _is_shell(word) or (place == 0 and command and references(_base_name(word))):
            return _scripts(words, place + 1)
        if word.startswith("-") and (split := _SPLIT_FLAG.fullmatch(word)):
            string = split[1] or " ".join(words[place + 1 : place + 2])
            if any(map(_is_shell, string.split())):
                return frozenset(range(place, len(words)))  # env -S splits one string into the words of a command.
    if command:
        return frozenset()
    return _scripts(words, 0) if _script_flag(words, 0) < _after_options(words, 0) else frozenset()


def _scripts(words: Sequence[str], first: int) -> frozenset[int]:
    """From a flag like -c to the first word after it that is neither an option nor an option's value: the script."""
    flag = _script_flag(words, first)
    return frozenset(range(flag, min(_after_options(words, flag) + 1, len(words))))


def _after_options(words: Sequence[str], place: int) -> int:
    """The first place from `place` on that is neither an option nor an option's value."""
    while place < len(words) and words[place][:1] in ("-", "+"):
        place += 2 if _VALUE_FLAG.fullmatch(words[place]) else 1
    return place


def _script_flag(words: Sequence[str], first: int) -> int:
    """The place of the first flag like -c."""
    places = range(first, len(words))
    return next((place for place in places if _SCRIPT_FLAG.fullmatch(_with_c(words[place]))), len(words))


def _is_shell(word: str) -> bool:
    """Whether a word names a shell, also one like bash-5.1, busybox.static or sh.exe."""
    name = _base_name(word)
    return name in _SHELLS or name.removesuffix(".exe").removesuffix(".static").rstrip("0123456789.-") in _SHELLS


def _base_name(word: str) -> str:
    return word.rsplit("/", 1)[-1]


def _with_c(word: str) -> str:
    """The word with a `c` for each reference: what it could become at worst."""
    return "c".join(parse(word)[::2]) if "$(" in word else word
