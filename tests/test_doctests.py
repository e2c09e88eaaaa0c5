"""The examples in docstrings, of the package as it is installed."""

from __future__ import annotations

import doctest
import pkgutil
from importlib import import_module
from importlib.util import find_spec

import pytest

import tipclassify

# and these of the extra: review
SERVES = ("tipclassify.app.guard", "tipclassify.app.server")
MODULES = [
    m.name
    for m in pkgutil.walk_packages(tipclassify.__path__, "tipclassify.")
    if not m.name.endswith("__main__") and (find_spec("starlette") or m.name not in SERVES)
]


@pytest.mark.parametrize("name", ["tipclassify", *MODULES])
@pytest.mark.filterwarnings("ignore:label .* too few:UserWarning")
def test_docstring_examples_are_true_in(name: str) -> None:
    failed, _ = doctest.testmod(import_module(name))
    assert failed == 0
