"""Measure the size of an installation: each distribution that the package needs.

    python benchmarks/footprint.py                     # what `pip install .` brings
    python benchmarks/footprint.py numpy msgspec sentencex   # what these bring

It reads the metadata of this environment, in which all of it must be installed.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path


def name_of(requirement: str) -> str:
    """Return the normalised name of a requirement.

    >>> name_of("lxml_html-clean>=0.4; python_version > '3'")
    'lxml-html-clean'
    """
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    return re.sub(r"[-_.]+", "-", name[0]).lower() if name else ""


def closure(names: list[str]) -> dict[str, Distribution]:
    """Find all distributions that these need, without extras, as far as they are installed."""
    from packaging.requirements import Requirement

    needed: dict[str, Distribution] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in needed:
            continue
        try:
            needed[name] = distribution(name)
        except PackageNotFoundError:
            print(f"not installed here: {name}", file=sys.stderr)
            continue
        for line in needed[name].requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(name_of(requirement.name))
    return needed


def size_of(installed: Distribution) -> int:
    """Sum the bytes of the files of a distribution, without compiled copies of Python files."""
    files = (
        Path(str(installed.locate_file(file)))
        for file in installed.files or ()
        if "__pycache__" not in str(file)
    )
    return sum(file.stat().st_size for file in files if file.is_file())


def main() -> None:
    """Print the distributions, the largest first, and their sum."""
    needed = closure(sys.argv[1:] or ["tipclassify"])
    sizes = {name: size_of(installed) for name, installed in needed.items()}
    for name in sorted(sizes, key=lambda name: -sizes[name]):
        print(f"{sizes[name] / 1e6:8.1f} MB  {name} {needed[name].version}")
    print(f"{sum(sizes.values()) / 1e6:8.1f} MB  {len(sizes)} distributions")


if __name__ == "__main__":
    main()
