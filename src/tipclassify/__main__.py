"""``python -m tipclassify``."""

from tipclassify.commands.app import main

if __name__ == "__main__":
    main()
