"""Imports are few: none of weight for --help, no scikit-learn to score, only numpy for `fast`."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tipclassify

ROOT = Path(__file__).resolve().parents[1]
HEAVY = (
    "sklearn",
    "datasets",
    "pandas",
    "numpy",
    "scipy",
    "pyarrow",
    "torch",
    "joblib",
    "lxml",
    "trafilatura",
    "onnxruntime",
    "tokenizers",
)


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code in a new process."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def python(code: str) -> str:
    """Run code that ends well in a new process, and return what it prints."""
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    return done.stdout


RUN_MAIN = "try: import tipclassify.__main__ as m; m.main()\nexcept SystemExit: pass"


@pytest.mark.parametrize(
    "code",
    [
        "import tipclassify; tipclassify.__version__; tipclassify.LABELS",
        f"import sys; sys.argv = ['tipclassify', '--help']\n{RUN_MAIN}",
        f"import sys; sys.argv = ['tipclassify', 'score', '--help']\n{RUN_MAIN}",
    ],
)
def test_importing_and_help_load_nothing_heavy(code: str) -> None:
    loaded = python(
        f"{code}\nimport sys; print('LOADED', [m for m in {HEAVY} if m in sys.modules])"
    )
    assert loaded.strip().endswith("LOADED []")


IDLE = (
    "sklearn",
    "scipy",
    "joblib",
    "datasets",
    "pandas",
    "torch",
    "statistics",
    "tipclassify.download",
    "tipclassify.readers",
    "tipclassify.reports.cite",
    "tipclassify.write",
)
UNUSED = {
    "default": IDLE,
    "fast": (
        *IDLE,
        "numpy.ma",
        "tempfile",
        "onnxruntime",
        "tokenizers",
        "tipclassify.model.encoder",
    ),
}


@pytest.mark.parametrize("model", ["default", "fast"])
def test_a_first_tag_waits_for_no_module_that_it_does_not_use(model: str) -> None:
    loaded = python(
        "import sys, tipclassify\n"
        "text = 'Police arrested nine traffickers. Zorbland’s courts convicted none.'\n"
        f"tipclassify.classify(text, model={model!r})\n"
        f"print([m for m in {UNUSED[model]} if m in sys.modules])"
    )
    assert loaded.strip() == "[]"


BLOCK = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in BLOCKED:
            raise ModuleNotFoundError('blocked: ' + name, name=name)
sys.meta_path.insert(0, Block())
import socket
def refuse(*args, **kwargs): raise OSError('the network was reached for')
socket.socket.connect = refuse
socket.getaddrinfo = refuse
"""
LEARNING = {"sklearn", "datasets", "scipy", "pandas", "joblib", "pyarrow", "torch"}
BOTH = {"onnxruntime", "tokenizers"}


def command(blocked: set[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``tipclassify`` without some packages and without the network."""
    code = (
        f"BLOCKED = {blocked}\n{BLOCK}\n"
        "sys.argv[0] = 'tipclassify'\n"
        "from tipclassify.__main__ import main\n"
        "main()"
    )
    return run_python(code, *arguments)


@pytest.fixture
def reports(tmp_path: Path) -> list[str]:
    """Write a report as text and one as HTML."""
    (tmp_path / "a.txt").write_text("The government did not convict any traffickers.", "utf-8")
    (tmp_path / "b.html").write_text("<p>Police arrested nine traffickers.</p>", "utf-8")
    return [str(tmp_path / "a.txt"), str(tmp_path / "b.html")]


@pytest.mark.parametrize(("model", "blocked"), [("default", LEARNING), ("fast", LEARNING | BOTH)])
def test_text_and_html_are_scored_without_scikit_learn_or_network(
    reports: list[str], model: str, blocked: set[str]
) -> None:
    done = command(blocked, "score", *reports, "--format", "jsonl", "--model", model)
    assert done.returncode == 0
    assert done.stderr.partition(" (")[0] == "tipclassify: 2 reports, 2 tagged sentences"
    labels = [json.loads(line)["labels"] for line in done.stdout.splitlines()]
    assert labels == [["failure"], ["positive_effort"]]


def test_scoring_leaves_nothing_in_the_home_folder(
    reports: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ONNX Runtime's telemetry would keep an id of the device there."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert command(set(), "score", *reports).returncode == 0
    assert list((tmp_path / "home").rglob("*")) == []


WITHOUT_REQUIREMENTS = """
import sys
ALLOWED = {'numpy', 'msgspec', 'sentencex', 'tipclassify', '_sysconfigdata__linux_x86_64-linux-gnu'}
class Block:
    def find_spec(self, name, path=None, target=None):
        top = name.partition('.')[0]
        if top not in ALLOWED and top not in sys.stdlib_module_names:
            raise ModuleNotFoundError('not installed: ' + name, name=name)
sys.meta_path.insert(0, Block())
import tipclassify as t
text = 'Police arrested nine traffickers. Courts convicted none of them.'
fast = t.Classifier.load('fast')
print([passage.labels for passage in t.classify(text, model='fast')])
print(t.tag_batch({'text': ['Courts convicted none of them.']}, model='fast')['labels'])
print(t.explain('Courts convicted none of them.', model='fast')['failure'].method)
report = t.tag_report(t.Document.from_text(text, 'a.txt'), model=fast)
print(t.summarize(report).total.count('failure'), t.cite(report, report.passages[0]).title)
t.write_reports(report, sys.argv[1])
for call in (lambda: t.classify(text), lambda: t.read_report(sys.argv[1] + '.txt')):
    try: call()
    except t.TipclassifyError as error: print(error)
"""


def test_numpy_msgspec_and_sentencex_are_enough_for_fast(tmp_path: Path) -> None:
    """``pip install --no-deps tipclassify`` and these three, as docs/how-to/install.md says."""
    out = tmp_path / "found.csv"
    (tmp_path / "found.csv.txt").write_text("Police acted.", "utf-8")
    done = run_python(WITHOUT_REQUIREMENTS, str(out))
    assert done.returncode == 0, done.stderr
    *results, default, reading = done.stdout.splitlines()
    assert results == [
        "[('positive_effort',), ('failure',)]",
        "[['failure']]",
        "additive",
        "1 a.txt",
    ]
    assert "'--model fast' works without them" in default
    lacking = r"reading it needs [\w-]+, which is not installed here"
    remedy = "'pip install tipclassify' without --no-deps brings it"
    assert re.search(f"{lacking}; {remedy}$", reading)
    assert len(out.read_text("utf-8").splitlines()) == 3


WITHOUT_PACKAGE = """
import sys
sys.modules[sys.argv.pop(1)] = None
from tipclassify.__main__ import main
main()
"""


TRAIN = ["train", "--data", "rows.jsonl", "--output", "mine"]


@pytest.mark.parametrize(
    ("module", "package", "arguments"),
    [
        ("scipy", "scipy", ["compare", "a.txt", "b.txt", "--model", "fast"]),
        ("pyarrow", "pyarrow", ["score", "a.txt", "-o", "a.parquet", "--model", "fast"]),
        ("sklearn", "scikit-learn", [*TRAIN, "--model", "fast"]),
    ],
)
def test_a_command_without_its_package_gives_the_line_for_pip(
    tmp_path: Path, module: str, package: str, arguments: list[str]
) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("Police arrested nine traffickers.", "utf-8")
    write_rows(tmp_path / "rows.jsonl", 200)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PACKAGE, module, *arguments],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert f"this needs {package}: pip install {package}" in done.stderr
    assert "Traceback" not in done.stderr


def write_rows(file: Path, count: int) -> None:
    """Write labelled rows."""
    with open(file, "w", encoding="utf-8") as rows:
        for number in range(count):
            labels = [["positive_effort"], ["failure"], ["complicity"], []][number % 4]
            text = f"Police number {number} did what the label of this row says."
            rows.write(json.dumps({"id": f"r{number}", "text": text, "labels": labels}) + "\n")


def test_the_default_is_trained_further_and_judged_by_numpy_alone(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl", 20)
    for command in (
        [*TRAIN, "--penalty", "100"],
        ["evaluate", "rows.jsonl", "--model", "fast", "--draws", "0"],
    ):
        code = f"BLOCKED = {LEARNING!r}\n{BLOCK}\nfrom tipclassify.__main__ import main\nmain()"
        done = subprocess.run(
            [sys.executable, "-c", code, *command],
            cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


def test_the_estimator_without_scikit_learn_gives_the_line_for_pip() -> None:
    done = run_python(
        f"BLOCKED = {{'sklearn'}}\n{BLOCK}\nimport tipclassify as t\nt.TipClassifier()"
    )
    line = "ModuleNotFoundError: TipClassifier needs scikit-learn: pip install scikit-learn"
    assert done.stderr.splitlines()[-1] == line


def test_every_package_that_is_imported_is_declared() -> None:
    """Requirements and extras of pyproject.toml, by the names that pip takes."""
    pip_names = {
        "sklearn": "scikit-learn",
        "docx": "python-docx",
        "markdown_it": "markdown-it-py",
    }
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    declared = {
        name.lower().replace("_", "-")
        for name in re.findall(r'"([A-Za-z][\w.-]*)(?:\[[\w,]+\])?[><=~]', project)
    }
    assert {"numpy", "scipy", "pyarrow"} <= declared
    known = {*sys.stdlib_module_names, "tipclassify"}
    missing = {}
    for file in Path(tipclassify.__file__).parent.rglob("*.py"):
        for package in imported_packages(file) - known:
            name = pip_names.get(package, package.replace("_", "-"))
            if name not in declared:
                missing[name] = file.name
    assert missing == {}


def imported_packages(file: Path) -> set[str]:
    """Return the top-level names that a module imports, except its own package's by a dot."""
    modules: list[str] = []
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules.append(node.module)
    return {module.partition(".")[0] for module in modules}


@pytest.mark.parametrize("missing", ["onnxruntime", "tokenizers"])
def test_without_onnx_runtime_the_default_says_in_one_line_that_fast_works(
    reports: list[str], missing: str
) -> None:
    command_lines = {
        "onnxruntime": [("score", reports[0]), ("info",)],
        "tokenizers": [("explain", "Police acted.")],
    }
    for arguments in command_lines[missing]:
        done = command({missing}, *arguments)
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr.splitlines() == [
            f"tipclassify: the default model needs onnxruntime and tokenizers, and {missing} "
            "cannot be imported here; '--model fast' works without them"
        ]
    printed = python(
        f"import sys; sys.modules[{missing!r}] = None\n"
        "import tipclassify\n"
        "try: tipclassify.classify('Police acted.')\n"
        "except tipclassify.ModelError as error: print(error)\n"
        "text = 'The government did not convict any traffickers.'\n"
        "print(tipclassify.classify(text, model='fast')[0].labels)"
    )
    first, labels = printed.splitlines()
    assert f"{missing} cannot be imported here; '--model fast' works" in first
    assert labels == "('failure',)"


def test_no_test_imports_a_private_name_of_the_package() -> None:
    private = []
    for file in Path(__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tipclassify"):
                for alias in node.names:
                    if alias.name.startswith("_") and not alias.name.endswith("__"):
                        private.append(f"{file.name}: {alias.name}")
    assert private == []


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
