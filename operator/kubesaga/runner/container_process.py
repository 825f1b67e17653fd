"""A container as a local process: what to run, with which environment, and why that cannot be done."""

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kubesaga.api.names import ENV_TERMINATION_LOG
from kubesaga.runner.expansion import environment, expand

NOT_FOUND: Final = 127
NOT_EXECUTABLE: Final = 126
NOT_STARTED: Final = 128
"""Exit codes for a process that never was: those of a shell, and the kubelet's."""

_ENV: Final = "/usr/bin/env"
_SHELL_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OF_SHELLS: Final = re.compile(
    r"_|(BASHOPTS|BASH_ENV|ENV|EUID|IFS|LINENO|OLDPWD|OPTARG|OPTIND|POSIXLY_CORRECT|PPID|PS[124]|PWD|RANDOM|SECONDS"
    r"|SHELLOPTS|SHLVL|UID)"
)
"""Variables that shells have a use of their own for."""


class StartError(Exception):
    """The process cannot be started; says why, and which exit code stands for it."""

    def __init__(self, message: str, exit_code: int = NOT_STARTED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class ContainerProcess:
    """A command line with its environment and folder."""

    command: tuple[str, ...]
    env: Mapping[str, str]
    folder: str | None

    @classmethod
    def of(cls, container: Mapping[str, Any], fields: Mapping[str, str], termination_log: Path) -> "ContainerProcess":
        """What a container asks for, the image aside. Raises StartError.

        The process gets this process's environment, and over it the container's.
        """
        for field in ("envFrom", "volumeMounts"):
            if container.get(field):
                raise StartError(f"{field} needs a cluster")
        variables = [_local(variable, termination_log) for variable in container.get("env", ())]
        try:
            values = environment(variables, fields)
        except ValueError as error:
            raise StartError(str(error)) from None
        if not container.get("command"):
            raise StartError("the container has no command, and there is no image here to take it from")
        words = [expand(word, values) for word in (*container["command"], *container.get("args", ()))]
        env, folder = {**os.environ, **values}, container.get("workingDir")
        program = _program(words[0], env.get("PATH", os.defpath), folder)
        safe = {name: value for name, value in env.items() if not _is_odd(name)}
        return cls((*_behind_env(values, program), *words[1:]), safe, folder)


def _local(variable: Mapping[str, Any], termination_log: Path) -> Mapping[str, Any]:
    """The variable that names the termination log names a real file here."""
    if variable["name"] != ENV_TERMINATION_LOG:
        return variable
    return {"name": ENV_TERMINATION_LOG, "value": str(termination_log).replace("$", "$$")}


def _program(word: str, path: str, folder: str | None) -> str:
    """The program that a command begins with, as it is written there; it is sure to be found."""
    if folder is not None and not Path(folder).is_dir():
        raise StartError(f"workingDir {folder}: there is no such folder on this machine")
    if "/" in word:
        place = Path(folder or ".") / word
        if not place.exists():
            raise StartError(f"{word}: there is no such file on this machine", NOT_FOUND)
        if place.is_dir() or not os.access(place, os.X_OK):
            raise StartError(f"{word}: is not executable", NOT_EXECUTABLE)
        return word
    if shutil.which(word, path=path) is None:
        raise StartError(f"{word}: there is no such command on this machine (PATH is {path})", NOT_FOUND)
    return word


def _is_odd(name: str) -> bool:
    """Whether a shell would drop, change or stumble over a variable of that name."""
    return bool(_OF_SHELLS.fullmatch(name)) or not _SHELL_NAME.fullmatch(name)


def _behind_env(values: Mapping[str, str], program: str) -> tuple[str, ...]:
    """The program, behind `env` where a variable of the container cannot pass through the wrapper's shell."""
    odd = [f"{name}={value}" for name, value in values.items() if _is_odd(name)]
    if not odd:
        return (program,)
    if "=" in program:
        raise StartError(f'{program}: a name with "=" cannot be run beside variables such as {odd[0]}')
    return (_ENV, "--", *odd, program)
