"""Where a command line hands a script to a shell."""

import pytest

from kubesaga.engine.shell_script import script_places

CASES: list[tuple[str, list[str], list[str], set[str]]] = [
    ("no shell", ["app", "-c", "X"], [], set()),
    ("nothing at all", [], [], set()),
    ("a shell without script", ["sh"], [], set()),
    ("a script in a file gets values as arguments", ["sh", "/run.sh", "X"], [], set()),
    ("sh -c", ["sh", "-c", "X"], [], {"-c", "X"}),
    ("a shell by its path", ["/usr/local/bin/bash", "-c", "X"], [], {"-c", "X"}),
    ("a shell with a version", ["bash-5.1", "-c", "X"], [], {"-c", "X"}),
    ("a static busybox", ["/busybox.static", "sh", "-c", "X"], [], {"-c", "X"}),
    ("a shell on Windows", ["sh.exe", "-c", "X"], [], {"-c", "X"}),
    ("words behind the script are data", ["sh", "-c", "X", "sh", "Y"], [], {"-c", "X"}),
    ("flags in one cluster", ["bash", "-euxc", "X"], [], {"-euxc", "X"}),
    ("a login shell", ["bash", "-lc", "X"], [], {"-lc", "X"}),
    ("options before the flag", ["bash", "-o", "pipefail", "-e", "-c", "X"], [], {"-c", "X"}),
    (
        "options after the flag",
        ["bash", "-c", "-o", "pipefail", "+x", "X", "Y"],
        [],
        {"-c", "-o", "pipefail", "+x", "X"},
    ),
    ("an option with a value in the cluster", ["bash", "-euco", "pipefail", "X", "Y"], [], {"-euco", "pipefail", "X"}),
    ("the end of options", ["sh", "-c", "--", "X", "Y"], [], {"-c", "--", "X"}),
    ("a flag without script", ["sh", "-c"], [], {"-c"}),
    ("the flag in args", ["sh"], ["-c", "X"], {"-c", "X"}),
    ("the script in args", ["sh", "-c"], ["X", "Y"], {"-c", "X"}),
    ("behind env", ["env", "A=b", "bash", "-c", "X"], [], {"-c", "X"}),
    ("behind timeout", ["timeout", "5", "sh", "-c", "X"], [], {"-c", "X"}),
    ("behind tini", ["/sbin/tini", "--", "sh", "-c", "X"], [], {"-c", "X"}),
    ("a shell in args", ["tini", "--"], ["sh", "-c", "X"], {"-c", "X"}),
    ("su", ["su", "app", "-c", "X"], [], {"-c", "X"}),
    ("fish's other flag", ["fish", "--init-command=X"], [], {"--init-command=X"}),
    ("fish's other flag, in short", ["fish", "-C", "X"], [], {"-C", "X"}),
    ("env that splits a string", ["env", "-S", "bash -c X"], [], {"-S", "bash -c X"}),
    ("env that splits what follows the flag at once", ["env", "-Sbash -c X"], [], {"-Sbash -c X"}),
    ("env that splits what follows an equals sign", ["env", "--split-string=sh -c X"], [], {"--split-string=sh -c X"}),
    ("env that splits another command", ["env", "-S", "app -c X"], [], set()),
    ("a program that is a reference", ["$(params.shell)", "-c", "X"], [], {"-c", "X"}),
    ("a program that ends in a reference", ["/bin/$(params.shell)", "-c", "X"], [], {"-c", "X"}),
    ("a folder that is a reference", ["$(params.home)/app", "-c", "X"], [], set()),
    ("a flag that is a reference", ["sh", "-$(params.flags)", "X"], [], {"-$(params.flags)", "X"}),
    ("an unknown entrypoint with a flag", [], ["-c", "X"], {"-c", "X"}),
    ("an unknown entrypoint with options and a flag", [], ["-o", "pipefail", "-ec", "X"], {"-ec", "X"}),
    ("an unknown entrypoint with words before", [], ["run", "-c", "X"], set()),
    ("an unknown entrypoint with long flags", [], ["--config", "X"], set()),
    ("an unknown entrypoint without flags", [], ["X"], set()),
]


@pytest.mark.parametrize(("sentence", "command", "args", "scripts"), CASES, ids=[case[0] for case in CASES])
def test_finds_the_script_of(sentence: str, command: list[str], args: list[str], scripts: set[str]) -> None:
    words = [*command, *args]
    assert {words[place] for place in script_places(command or None, args or None)} == scripts
