"""``python -m tipclassify``."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """The command line. Worker processes import this module too, and want no commands."""
    from tipclassify.cli.app import main

    main()


if __name__ == "__main__":
    main()
