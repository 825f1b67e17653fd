"""The program `kubesaga`. It imports nothing before it knows what to do when it is interrupted."""

import signal
import sys
from pathlib import Path


def main() -> None:
    """Run the command that the arguments name.

    Ctrl-C ends the program without a word, until a command that has more to do takes the signal for itself.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    from kubesaga.cli.main import main as commands

    commands(prog_name="kubectl saga" if Path(sys.argv[0]).name == "kubectl-saga" else "kubesaga")


if __name__ == "__main__":
    main()
