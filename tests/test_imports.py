"""What is imported when: `import tipclassify` and --help are light, scoring needs no scikit-learn, nothing is pickled."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import tipclassify

HEAVY = (
    "sklearn",
    "datasets",
    "pandas",
    "numpy",
    "scipy",
    "pyarrow",
    "torch",
    "joblib",
    "selectolax",
    "onnxruntime",
    "tokenizers",
)


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "code",
    [
        "import tipclassify; tipclassify.__version__; tipclassify.LABELS",
        "import sys; sys.argv = ['tipclassify', '--help']\ntry: import tipclassify.__main__ as m; m.main()\nexcept SystemExit: pass",
        "import sys; sys.argv = ['tipclassify', 'score', '--help']\ntry: import tipclassify.__main__ as m; m.main()\nexcept SystemExit: pass",
    ],
)
def test_importing_and_help_load_nothing_heavy(code: str) -> None:
    loaded = python(f"{code}\nimport sys; print('LOADED', [m for m in {HEAVY} if m in sys.modules])")
    assert loaded.strip().endswith("LOADED []")


def test_a_first_tag_waits_for_no_module_that_it_does_not_use() -> None:
    idle = ("numpy.ma", "statistics", "tempfile", "tipclassify.links", "tipclassify.readers", "tipclassify.writers")
    loaded = python(
        "import sys, tipclassify\n"
        "tipclassify.classify('Police arrested nine traffickers. Zorbland’s courts convicted none.')\n"
        f"print([m for m in {idle} if m in sys.modules])"
    )
    assert loaded.strip() == "[]"


BLOCK = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in {'sklearn', 'datasets', 'scipy', 'pandas', 'joblib', 'pyarrow', 'onnxruntime', 'tokenizers'}:
            raise ImportError('blocked: ' + name)
sys.meta_path.insert(0, Block())
import socket
def refuse(*args, **kwargs): raise OSError('the network was reached for')
socket.socket.connect = refuse
socket.getaddrinfo = refuse
"""


def test_text_and_html_are_scored_without_scikit_learn_or_network(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The government did not convict any traffickers.", "utf-8")
    (tmp_path / "b.html").write_text("<p>Police arrested nine traffickers.</p>", "utf-8")
    out = python(
        BLOCK
        + "from tipclassify import classify\n"
        + "assert classify('The government did not convict any traffickers.')[0].labels == ('failure',)\n"
        + f"sys.argv = ['tipclassify', 'score', {str(tmp_path / 'a.txt')!r}, {str(tmp_path / 'b.html')!r}, '--format', 'jsonl']\n"
        + "from tipclassify.__main__ import main\nmain()"
    )
    assert len(out.splitlines()) == 2


def test_nothing_of_ours_unpickles() -> None:
    for file in Path(tipclassify.__file__).parent.rglob("*.py"):
        code = file.read_text("utf-8")
        assert "import pickle" not in code
        assert "joblib.load" not in code
        assert "allow_pickle=True" not in code


def test_the_package_is_typed_and_its_names_exist() -> None:
    assert (Path(tipclassify.__file__).parent / "py.typed").is_file()
    assert all(hasattr(tipclassify, name) for name in tipclassify.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = tipclassify.nonsense
