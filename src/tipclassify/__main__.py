"""Run the command line as ``python -m tipclassify``."""

from __future__ import annotations

import signal


def main() -> None:
    """Run the command line."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # until the commands are imported: no traceback of an import
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Worker processes import this module too: the commands are imported only here.
    from tipclassify.cli.app import main

    main()


if __name__ == "__main__":
    main()
