"""The public face: its names, what each takes and gives, and that documentation needs no other."""

from __future__ import annotations

import inspect
import re
import runpy
import zipfile
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tipclassify
from tipclassify import (
    LABELS,
    Classifier,
    Document,
    Evaluation,
    ModelError,
    Passage,
    Report,
    Summary,
    cite,
    compare,
    evaluate,
    explain,
    read_report,
    summarize,
    tag_report,
    write_reports,
)
from tipclassify.errors import OutputError, UsageError
from tipclassify.labels import styles
from tipclassify.model.encoder.scoring import EncoderScorer
from tipclassify.records import Passages

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "data" / "samples"
TEXT = (
    "Police arrested nine traffickers. Courts convicted none of them. "
    "Border guards took bribes from recruiters."
)

PUBLIC = {
    "functions": "cite classify compare evaluate explain key load_corpus read_report row "
    "score_on_cluster summarize tag tag_batch tag_report write_reports",
    "classes": "Block Classifier Document Evaluation Explanation Failure "
    "Passage ReadOptions Report Run Summary TipClassifier",
    "errors": "CorpusError InputError ModelError OutputError TipclassifyError",
    "constants": "LABELS POLICIES",
    "types": "Policy Unit",
}
SIGNATURES = {
    "cite": "(report, passage)",
    "classify": "(text, *, model, policy)",
    "compare": "(old, new)",
    "evaluate": "(X, y, *, model, policy, groups, draws, seed)",
    "explain": "(passage, *, section, model)",
    "key": "(text)",
    "load_corpus": "(*paths, text_column, label_column)",
    "read_report": "(path, options)",
    "row": "(report, passage)",
    "score_on_cluster": "(source, output, *, cluster, tagging, progress)",
    "summarize": "(reports, by, *, publication, add_up, run)",
    "tag": "(inputs, *, model, policy, thresholds, unit, read, day, jobs)",
    "tag_batch": "(batch, *, text, section, prefix, model, policy)",
    "tag_report": "(source, *, model, policy, unit, day, text_column)",
    "write_reports": "(reports, path, *, format)",
}


def parameters(function: Callable[..., object]) -> str:
    """Return the signature of a function without types and defaults."""
    bare = []
    for parameter in inspect.signature(function).parameters.values():
        bare.append(parameter.replace(annotation=parameter.empty, default=parameter.empty))
    return str(inspect.Signature(bare))


def test_the_public_names_are_these() -> None:
    names = [name for group in PUBLIC.values() for name in group.split()]
    assert sorted(names) == sorted(set(tipclassify.__all__) - {"__version__"})
    assert sorted(names) == sorted(name for name in dir(tipclassify) if name != "__version__")


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_public_function_takes_these_parameters(name: str) -> None:
    assert sorted(SIGNATURES) == sorted(PUBLIC["functions"].split())
    assert parameters(getattr(tipclassify, name)) == SIGNATURES[name]


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_public_function_says_what_it_takes_raises_and_shows_an_example(name: str) -> None:
    docstring = inspect.getdoc(getattr(tipclassify, name)) or ""
    # an example of a cluster would start one in each run of the tests
    assert ">>> " in docstring or name == "score_on_cluster"
    assert "Raises" in docstring or name in ("key", "row")  # which take whatever they are given
    first_parameter = re.findall(r"\w+", SIGNATURES[name])[0]
    assert re.search(rf"\b{first_parameter}\b", docstring)


def test_documentation_imports_public_names_alone() -> None:
    inner_import = re.compile(r"(?:from|import) tipclassify\.\S+.*")
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "data").glob("*.md")]
    for page in pages:
        assert inner_import.findall(page.read_text("utf-8")) == [], page.name


# ------------------------------------------------------------------------ a report, from end to end


@pytest.fixture(scope="module")
def reports() -> list[Report]:
    """Tag the sample reports of two years."""
    return [
        tag_report(SAMPLES / f"karvonia-{year}.html", model="fast", day="2026-11-30")
        for year in (2023, 2024)
    ]


def test_a_file_and_its_document_are_tagged_alike(reports: list[Report]) -> None:
    name = str(SAMPLES / "karvonia-2023.html")
    document = read_report(name)
    assert tag_report(document, model="fast") == Report(name, document, reports[0].passages)
    fast = Classifier.load("fast")
    assert tag_report(document, model=fast, policy="cite").passages == fast.tag(document, "cite")
    assert len(tag_report(document, model=fast, unit="clause").passages) >= len(reports[0].passages)


def test_counts_citations_and_comparison_need_no_context(reports: list[Report]) -> None:
    summary = summarize(reports, by=["year"])
    assert isinstance(summary, Summary)
    assert [group.key for group in summary.groups] == [(2023,), (2024,)]
    assert summary.rates is not None
    changes = compare(*reports)
    assert changes.names == ("2023", "2024")
    tagged = next(passage for passage in reports[0].passages if passage.labels)
    citation = cite(reports[0], tagged)
    assert (citation.country, citation.year, citation.read) == ("Karvonia", "2023", "2026-11-30")
    assert Classifier.load("fast").meta["sha256"][:12] in citation.model


def test_what_was_tagged_otherwise_or_by_nobody_known_is_refused(
    reports: list[Report],
) -> None:
    document = Document.from_text(TEXT)
    with_moved_threshold = Classifier.load("fast").with_thresholds({"failure": 0.9})
    of_other_policy = tag_report(document, model="fast", policy="cite")
    of_other_threshold = tag_report(document, model=with_moved_threshold)
    message = r"^tagged by other models, policies or thresholds: tag all of them alike$"
    for mixed in (of_other_policy, of_other_threshold):
        with pytest.raises(ValueError, match=message):
            summarize([reports[0], mixed])
        with pytest.raises(ValueError, match="tag all of them alike"):
            compare(reports[0], mixed)

    unknown = Report("a", None, ())
    message = r"^it is not known what tagged these: tag them with tag_report$"
    with pytest.raises(ValueError, match=message):
        summarize(unknown)
    assert summarize(unknown, run=Classifier.load("fast").run()).total.passages == 0


def test_a_summary_needs_reports_and_fields_that_there_are(reports: list[Report]) -> None:
    with pytest.raises(ValueError, match=r"^no reports: give at least one$"):
        summarize([])
    message = r"^unknown field 'mood': use file, country, publication, year, section$"
    with pytest.raises(ValueError, match=message):
        summarize(reports, by=["mood"])


def test_thresholds_that_were_moved_count_with_their_own_error_rates() -> None:
    fast = Classifier.load("fast")
    document = Document.from_text(TEXT, "a.txt")
    plain = summarize(tag_report(document, model=fast))
    moved = summarize(tag_report(document, model=fast.with_thresholds({"failure": 0.9})))
    assert moved.about["policy"] == "balanced, failure=0.9"
    assert plain.about["policy"] == "balanced"
    assert plain.rates is not None
    assert moved.rates is not None
    assert moved.rates["failure"] != plain.rates["failure"]
    assert moved.rates["complicity"] == plain.rates["complicity"]


@pytest.mark.parametrize(
    "suffix", ["html", "docx", "txt", "csv", "jsonl", "xlsx", "parquet", "md", "bib", "ris"]
)
def test_reports_are_written_in_the_format_of_the_suffix(
    reports: list[Report], suffix: str, tmp_path: Path
) -> None:
    out = tmp_path / f"findings.{suffix}"
    write_reports(reports, out)
    begins = {
        "html": b"<!DOCTYPE html>",
        "docx": b"PK",
        "xlsx": b"PK",
        "parquet": b"PAR1",
        "bib": b"@misc",
        "ris": b"TY",
    }
    data = out.read_bytes()
    assert data.startswith(begins.get(suffix, b""))
    assert len(data) > 2_000
    assert list(tmp_path.iterdir()) == [out]


def test_a_file_is_written_whole_or_not_at_all(reports: list[Report], tmp_path: Path) -> None:
    out = tmp_path / "findings.csv"
    out.write_text("before", "utf-8")
    with pytest.raises(ValueError, match="not known what tagged"):
        write_reports([reports[0], Report("a", None, ())], out)
    assert out.read_text("utf-8") == "before"
    with pytest.raises(UsageError, match=r"no format has the suffix '.rtf'"):
        write_reports(reports, tmp_path / "findings.rtf")
    with pytest.raises(UsageError, match="unknown format 'rtf': use table, jsonl, csv"):
        write_reports(reports, out, format="rtf")
    with pytest.raises(OutputError, match="cannot be written"):
        write_reports(reports, tmp_path / "gone" / "findings.csv")
    write_reports(reports[0], out, format="jsonl")
    assert out.read_text("utf-8").startswith('{"file": ')


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unit": "paragraph"}, "^unknown unit 'paragraph': use sentence, clause$"),
        ({"day": "yesterday"}, "^day is 'yesterday': give YYYY-MM-DD"),
        ({"day": "20261128"}, "^day is '20261128': give YYYY-MM-DD"),
        ({"day": "2026-02-30"}, "^day is '2026-02-30': give YYYY-MM-DD"),
    ],
)
def test_options_without_a_meaning_are_refused(
    options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"text": "Police acted."}\n', "utf-8")
    for source in (Document.from_text("Police acted."), SAMPLES / "karvonia-2023.html", rows):
        with pytest.raises(ValueError, match=message):
            tag_report(source, model="fast", **options)


def test_an_unknown_unit_is_refused_by_a_classifier() -> None:
    fast = Classifier.load("fast")
    with pytest.raises(ValueError, match="unknown unit 'paragraph': use sentence, clause"):
        fast.tag(Document.from_text("Police acted."), unit="paragraph")  # type: ignore[arg-type]


def test_what_a_report_was_made_from_is_never_replaced(tmp_path: Path) -> None:
    page = (SAMPLES / "karvonia-2023.html").read_bytes()
    source = tmp_path / "karvonia.html"
    source.write_bytes(page)
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("karvonia.html", page)
    link = tmp_path / "link.html"
    link.symlink_to(source)
    report = tag_report(source, model="fast")
    renamed = tag_report(read_report(source), model="fast")
    for given, out in ((report, source), (report, link), ([renamed], source)):
        with pytest.raises(UsageError, match="is an input, which the output would replace"):
            write_reports(given, out)
    packed_bytes = archive.read_bytes()
    of_archive = tag_report(f"{archive}/karvonia.html", model="fast")
    with pytest.raises(UsageError, match=r"all\.zip: is an input"):
        write_reports(of_archive, archive, format="html")
    assert source.read_bytes() == page
    assert archive.read_bytes() == packed_bytes
    write_reports(report, tmp_path / "karvonia.csv")
    write_reports(report, tmp_path / "karvonia.csv")  # an output may be replaced


def test_rows_of_a_table_are_one_report(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(
        "sentence,section\nThe law was not enforced.,Forced Labor\nPolice acted.,\n", "utf-8"
    )
    report = tag_report(file, model="fast", text_column="sentence")
    assert [passage.section for passage in report.passages] == ["Forced Labor", None]
    assert all(passage.extra["text"] == passage.text for passage in report.passages)
    with pytest.raises(tipclassify.InputError, match=r"rows\.csv: .*text.*--text-column"):
        tag_report(file, model="fast")


# ------------------------------------------------------------------------------------------ a model


def test_explain_reads_the_heading() -> None:
    law = "The government did not effectively enforce the law."
    forced = explain(law, section="Forced Labor", model="fast")["failure"]
    wages = explain(law, section="Wages", model="fast")["failure"]
    assert forced.probability > wages.probability
    assert explain(Passage(law, 0, len(law), "Wages"), model="fast")["failure"] == wages
    with pytest.raises(TypeError, match="passage 0 is not a str or Passage but int"):
        explain(3)  # type: ignore[arg-type]


def test_evaluate_takes_columns_and_says_what_it_measured() -> None:
    sentences = []
    labels = []
    for _ in range(15):
        sentences += ["Police arrested nine traffickers.", "Courts convicted none of them."]
        labels += [["positive_effort"], ["failure"]]
    evaluation = evaluate(sentences, labels, model="fast", draws=50)
    assert isinstance(evaluation, Evaluation)
    assert evaluation.metrics.passages == 30
    assert evaluation.macro_f1 == 1.0
    assert evaluation.intervals is not None
    assert evaluation.intervals.groups == 2  # equal texts stand together
    assert "positive_effort" in str(evaluation)

    matrix = np.array([[label in of_sentence for label in LABELS] for of_sentence in labels], int)
    of_matrix = evaluate(sentences, matrix, model="fast", draws=50, groups=range(30))
    assert of_matrix.macro_f1 == evaluation.macro_f1
    assert of_matrix.intervals is not None
    assert of_matrix.intervals.groups == 30
    with pytest.raises(ValueError, match=r"^30 passages but 1 rows of labels"):
        evaluate(sentences, labels[:1])
    with pytest.raises(ValueError, match=r"^no passages: give at least one$"):
        evaluate([], [])
    with pytest.raises(ValueError, match=r"^draws is -5: give 0 or more$"):
        evaluate(sentences, labels, model="fast", draws=-5)


def test_an_unknown_policy_is_no_fault_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text(TEXT, "utf-8")
    with pytest.raises(ValueError, match="strict"):
        tag_report(file, model="fast", policy="strict")  # type: ignore[arg-type]


def test_embed_gives_what_the_heads_read(classifier: Classifier) -> None:
    passages = ["Courts convicted none of them.", Passage("The law slept.", 0, 14, "Forced Labor")]
    vectors = classifier.embed(passages)
    assert (vectors.shape, vectors.dtype) == ((2, 384), np.float32)
    assert isinstance(classifier.scorer, EncoderScorer)
    model = classifier.scorer.model
    logits = model.heads.logits(vectors) * model.scale + model.shift
    assert np.array_equal(logits, classifier.logits(passages))
    assert classifier.embed([]).shape == (0, 384)
    message = r"^a linear model has no vectors: use the default, or another encoder$"
    with pytest.raises(ModelError, match=message):
        Classifier.load("fast").embed(passages)


def test_a_repr_says_what_it_is_in_a_line(reports: list[Report]) -> None:
    fast = Classifier.load("fast")
    assert repr(fast) == f"Classifier(linear, model {fast.meta['sha256'][:12]})"
    of_report = r"Report\('.*karvonia-2023\.html', 60 passages, \d+ of them tagged\)"
    assert re.fullmatch(of_report, repr(reports[0]))
    of_document = r"Document\(source='.*', title='.*', country='Karvonia', year=2023, [\d,]+ .*\)"
    assert re.fullmatch(of_document, repr(reports[0].document))
    assert repr(tipclassify.tag_batch) == "<function tipclassify.tag_batch>"
    assert len(repr(fast.model)) < 2_000
    assert len(repr(Classifier.load().scorer.model)) < 2_000


def test_a_notebook_shows_text_in_the_colours_of_its_labels_and_runs_nothing() -> None:
    text = "Guards <script>x</script> sold visas to pimps & took bribes."
    passages = tipclassify.classify(text, model="fast")
    report = tag_report(Document.from_text(text, "<b>.txt"), model="fast")
    reasons = explain(passages[0], model="fast")
    for shown in (passages, passages[0], report, reasons, reasons["complicity"]):
        page = shown._repr_html_()  # type: ignore[attr-defined]
        assert "<script>" not in page
        assert "<b>.txt" not in page
        assert "complicity 0.9" in page
        assert styles(LABELS)["complicity"].tint in page
        assert escape(text) in re.sub(r"</?span[^>]*>", "", page)
    assert "and 100 more" in Passages(passages * 300)._repr_html_()


def test_a_typed_program_runs(tmp_path: Path) -> None:
    """Type checkers read it in CI: mypy's `files` in pyproject.toml."""
    runpy.run_path(str(ROOT / "tests" / "files" / "typed_program.py"))["main"](tmp_path)
    assert '"tests/files/typed_program.py"' in (ROOT / "pyproject.toml").read_text("utf-8")


def test_labels_stand_in_their_order_everywhere() -> None:
    assert list(explain(TEXT, model="fast")) == list(LABELS)
