"""Run the command line as ``python -m tipclassify``."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    # Worker processes import this module too: the commands are imported only here.
    from tipclassify.cli.app import main

    main()


if __name__ == "__main__":
    main()
