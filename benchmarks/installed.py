"""Measure what an installation takes on disk, by distribution.

This checkout is installed in a new virtual environment, as pip does it: whole, or with `--small`
without what scoring does not need. Then a sample is scored there. Needs a network.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from collections import Counter
from importlib.metadata import distributions
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import typer
from _measure import ROOT, markdown
from typer import Option

# for the linear model's training, `TipClassifier`, labelled passages, Parquet and `compare`
_NOT_FOR_SCORING: Final = frozenset({"datasets", "joblib", "pyarrow", "scikit-learn", "scipy"})
_SAMPLE: Final = ROOT / "data" / "samples" / "excerpt.txt"


def main(
    extras: Annotated[str, Option(metavar="NAME,...", help="Extras to install, too.")] = "",
    small: Annotated[bool, Option("--small", help="Without what scoring does not need.")] = False,
    least: Annotated[float, Option(metavar="MB", help="Smallest distribution to list.")] = 20,
) -> None:
    """Print megabytes by distribution, all of them together, and the command that installs them."""
    with TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        programs = Path(folder, "Scripts" if os.name == "nt" else "bin")
        pip = [str(programs / "python"), "-m", "pip", "--quiet", "install"]
        wanted = f"{ROOT}[{extras}]" if extras else str(ROOT)
        if small:
            subprocess.run([*pip, "--no-deps", wanted], check=True)
            needed = _needed_for_scoring(folder)
            print(f"pip install {' '.join(needed)}\npip install --no-deps .\n")
            subprocess.run([*pip, *needed], check=True)
        else:
            subprocess.run([*pip, wanted], check=True)
        for output in (f"{folder}/a.html", f"{folder}/a.csv"):
            command = [str(programs / "tipclassify"), "score", str(_SAMPLE), "-o", output]
            subprocess.run(command, check=True)
        sizes = _sizes(folder)
    listed = [(name, f"{size / 1e6:,.0f}") for name, size in sizes.most_common()]
    listed = [(name, size) for name, size in listed if sizes[name] >= least * 1e6]
    print(markdown(("distribution", "MB"), listed))
    print(
        f"\n{len(sizes)} distributions, {sizes.total() / 1e6:,.0f} MB, Python {sys.version.split()[0]}"
    )


def _installed(folder: str) -> Path:
    """Return the folder of the packages of a virtual environment."""
    return next(Path(folder).rglob("site-packages"))


def _needed_for_scoring(folder: str) -> list[str]:
    """Return the requirements of the installed tipclassify, by name, that scoring needs."""
    (package,) = distributions(name="tipclassify", path=[str(_installed(folder))])
    names = []
    for requirement in package.requires or ():
        name = re.split(r"[^\w.-]", requirement)[0]
        if "extra ==" not in requirement and name not in _NOT_FOR_SCORING:
            names.append(name)
    return sorted(names)


def _sizes(folder: str) -> Counter[str]:
    """Return the bytes of each distribution but pip, compiled files counted."""
    sizes: Counter[str] = Counter()
    for package in distributions(path=[str(_installed(folder))]):
        name = package.metadata["Name"]
        if name != "pip":
            files = (Path(str(package.locate_file(file))) for file in package.files or ())
            sizes[name] = sum(file.stat().st_size for file in files if file.is_file())
    return sizes


if __name__ == "__main__":
    typer.run(main)
