"""A citation finds the words again, and its three forms hold any text of a report."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tipclassify import Classifier, tag_report
from tipclassify.records import Document, Passage, Report, Run, key, row
from tipclassify.reports.cite import Citation, cite
from tipclassify.reports.compare.comparison import compare
from tipclassify.text.split import text_document
from tipclassify.write import FORMATS
from tipclassify.write.output import Output

SCORES = {"positive_effort": 0.1, "failure": 0.91234, "complicity": 0.6}
NASTY = "50% of {A_1} & B #2 \\end $x$ ~^ \n\nTY  - BOOK\r\nER  - \r\n}@misc{x, title={“é报告”"
TEXT = (
    "PROSECUTION\n\nPolice arrested nine men. Judges slept.\n\nCourts convicted none of them.\n\n"
    "PREVENTION\n\nNo law."
)


@pytest.mark.parametrize(
    ("text", "is_leaning"),
    [
        ("This left victims in jail.", True),
        ("It did not act.", True),
        ("“They” fled.", True),
        ("Such fees are debts.", True),
        ("This year, courts convicted nine.", False),
        ("Italy did not act.", False),
        ("Police arrested it.", False),
    ],
)
def test_what_leans_on_the_sentence_before_is_cited_with_it(
    fast: Classifier, text: str, is_leaning: bool
) -> None:
    document = text_document(
        f"PROSECUTION\n\nGuards slept. {text}\n\nPREVENTION\n\n{text}", "k.txt"
    )
    tagged = tag_report(document, model=fast)
    of_both = [replace(each, labels=("failure",)) for each in tagged.passages]
    report = replace(tagged, passages=of_both)
    _, second, third = report.passages
    assert (row(report, second)["before"], row(report, second)["leans"]) == (
        "Guards slept.",
        is_leaning,
    )
    assert row(report, third)["before"] is None  # another heading
    assert ("“Guards slept.”" in cite(report, second).source) == is_leaning
    assert cite(report, second).before == "Guards slept."


@pytest.fixture(scope="module")
def run(fast: Classifier) -> Run:
    return fast.run(day="2026-11-28")


def report(
    run: Run,
    *passages: Passage,
    file: str = "k.pdf",
    title: str | None = "Karvonia at Work",
    date: str | None = None,
    address: str | None = None,
) -> Report:
    document = Document(
        "", (), title=title, country="Karvonia", year=2024, date=date, address=address
    )
    return Report(file, document, passages, run=run)


def cited(
    run: Run,
    text: str = "Courts slept.",
    file: str = "k.pdf",
    title: str = "Karvonia at Work",
    date: str | None = None,
) -> Citation:
    """Cite a sentence of a report."""
    passage = Passage(text, 3, 16, "prosecution", ("failure", "complicity"), SCORES, page=12)
    return cite(report(run, passage, file=file, title=title, date=date), passage)


def test_a_citation_says_where_the_words_are_and_what_tagged_them(run: Run) -> None:
    run_facts = run.about()
    by = f"{run_facts['tool']}, model {run_facts['model'][:12]}, policy balanced"
    citation = cited(run)
    assert citation.plain == (
        "“Courts slept.” Karvonia at Work (Karvonia, 2024), section “Prosecution”, p. 12, "
        "k.pdf (read 2026-11-28). "
        f"Tagged as failure (probability 0.91) and complicity (probability 0.60) by {by}."
    )
    assert (citation.model, citation.read) == (by, "2026-11-28")
    assert citation.keywords == ("failure", "complicity", "Karvonia")


def test_bibtex_and_ris_have_the_fields_that_reference_managers_read(run: Run) -> None:
    citation = cited(run, file="https://example.org/a b?x=1&y=%20_#p", date="2025-06-24")
    lines = citation.bibtex.splitlines()
    assert (lines[0], lines[-1]) == (f"@misc{{{citation.key},", "}")
    assert {
        "  title = {{Karvonia at Work}},",
        "  date = {2025-06-24},",
        "  year = {2025},",
        "  pages = {12},",
        "  url = {https://example.org/a%20b?x=1&y=%20_#page=12},",  # verbatim
        "  urldate = {2026-11-28},",
        "  keywords = {failure, complicity, Karvonia},",
        "  annote = {“Courts slept.”},",
    } < set(lines)
    records = citation.ris.split("\r\n")
    assert (records[0], records[-2:]) == ("TY  - RPRT", ["ER  - ", ""])
    assert {
        "PY  - 2025",
        "DA  - 2025/06/24",
        "SP  - 12",
        "Y2  - 2026/11/28",
        "KW  - failure",
        "KW  - complicity",
    } < set(records)
    assert "UR  - https://example.org/a%20b?x=1&y=%20_#page=12" in records
    assert "UR  -" not in cited(run).ris  # a file has no address of the web
    assert "PY  - 2024" in cited(run).ris  # that it covers, where the date is not known


def test_a_citation_names_publisher_and_publication_unless_the_title_does(
    run: Run,
) -> None:
    def source(title: str) -> Citation:
        document = Document(
            "", (), title=title, publication="Harbor Watch", publisher="Halden Institute"
        )
        passage = Passage("Courts slept.", 3, 16, None, ("failure",), SCORES)
        return cite(Report("k.pdf", document, [passage], run=run), passage)

    citation = source("Karvonia at Work")
    assert citation.source.startswith("Karvonia at Work, Harbor Watch, Halden Institute, k.pdf")
    assert "  series = {Harbor Watch},\n  organization = {Halden Institute},\n" in citation.bibtex
    assert "\r\nT2  - Harbor Watch\r\nPB  - Halden Institute\r\n" in citation.ris
    assert source("Harbor Watch: Karvonia").source.startswith(
        "Harbor Watch: Karvonia, Halden Institute, k.pdf"
    )


@given(text=st.text(st.characters(codec=None)) | st.text('{}\\%&_#$~^@",=\r\n -'))
@example(text=NASTY)
def test_no_text_of_a_report_ends_a_field(text: str, run: Run) -> None:
    citation = cited(run, text, title=text, file="http://bad host/{")
    assert "\n" not in citation.plain
    for field in re.findall(r"  \w+ = (\{.*\}),\n", citation.bibtex):
        depths = [field[:end].count("{") - field[:end].count("}") for end in range(1, len(field))]
        assert min(depths) > 0  # as BibTeX counts: the field's own pair is the outermost
        assert field.count("{") == field.count("}")
        assert not re.search(r"(?<!\\)[%&_#$]|[~^]", field)
    assert len(citation.bibtex.splitlines()) == 10
    assert all(re.match(r"[A-Z][A-Z0-9]  - ", line) for line in citation.ris.split("\r\n")[:-1])
    assert "\n" not in citation.ris.replace("\r\n", "")
    assert citation.ris.count("ER  - \r\n") == 1


def test_a_reference_manager_gets_the_words_themselves(run: Run) -> None:
    citation = cited(run, NASTY)
    in_bibtex = (
        "50\\% of \\textbraceleft{}A\\_1\\textbraceright{} \\& B \\#2 \\textbackslash{}end \\$x\\$"
    )
    assert in_bibtex in citation.bibtex
    assert "“é报告””" in citation.bibtex
    in_ris = "AB  - “50% of {A_1} & B #2 \\end $x$ ~^ TY - BOOK ER - }@misc{x, title={“é报告””\r\n"
    assert in_ris in citation.ris


def test_a_key_is_country_year_and_words_and_the_same_another_day_by_another_model(
    run: Run, classifier: Classifier
) -> None:
    texts = ("Courts slept.", "Judges slept.", "courts  SLEPT.", "Courts slept.")
    passages = [
        Passage(text, 20 * n, 20 * n + len(text), None, ("failure",), SCORES)
        for n, text in enumerate(texts)
    ]

    def keys_of(source: Report) -> list[str]:
        return [cite(source, passage).key for passage in source.passages]

    courts = f"karvonia2024-{key('Courts slept.')}"
    judges = f"karvonia2024-{key('Judges slept.')}"
    keys = keys_of(report(run, *passages))
    assert keys == [courts, judges, f"{courts}-2", f"{courts}-3"]  # said again
    later = classifier.run("screen", day="2027-01-01")
    assert keys_of(report(later, *passages, file="2023/k.pdf")) == keys


def test_a_source_without_pages_is_cited_by_paragraph_under_its_heading(
    run: Run, fast: Classifier
) -> None:
    document = text_document(TEXT)
    tagged = fast.tag(document)
    source = Report("k.txt", document, tagged, run=run)
    assert [cite(source, each).place for each in tagged] == [
        "section “Prosecution”, paragraph 1 of the section",
        "section “Prosecution”, paragraph 1 of the section",
        "section “Prosecution”, paragraph 2 of the section",
        "section “Prevention”, paragraph 1 of the section",
    ]
    on_page = replace(tagged[0], page=2)
    assert cite(replace(source, passages=[on_page]), on_page).place.endswith(", p. 2")
    plain = text_document("Courts slept.")
    (alone,) = fast.tag(plain)
    cited_alone = cite(Report("k.txt", plain, [alone], run=run), alone)
    assert cited_alone.source.startswith("k.txt, paragraph 1 (read")


def test_without_a_day_no_citation_has_a_date(run: Run) -> None:
    undated = cited(replace(run, day=""))
    assert "k.pdf. Tagged" in undated.source
    assert "urldate" not in undated.bibtex
    assert "Y2" not in undated.ris


def rows_of(run: Run, *ids: int, file: str = "r.jsonl") -> Report:
    """Make a report of rows that say the same, each with its id."""
    passages = [
        Passage("Courts slept.", 0, 13, None, ("failure",), SCORES, extra={"id": number})
        for number in ids
    ]
    return Report(file, None, passages, run=run)


@pytest.mark.parametrize("name", ["bibtex", "ris"])
def test_a_file_of_citations_has_each_finding_once_under_a_key_of_its_own(
    name: str, run: Run, fast: Classifier
) -> None:
    document = text_document(TEXT)
    tagged = Report("k.txt", document, fast.tag(document), run=run)
    out = io.StringIO(newline="")
    rows = [rows_of(run, 1, 1, 2), rows_of(run, 2, 3), rows_of(run, 1, file="s.jsonl")]
    FORMATS[name].writer()([tagged, *rows], out, Output(run))
    keys = re.findall(r"@misc\{(.*),|ID  - (.*)\r", out.getvalue())
    words = key("Courts slept.")
    found = ["".join(groups) for groups in keys]
    expected = [cite(tagged, each).key for each in tagged.passages if each.labels]
    # rows 1, 2 and 3 of one file, and the row of the other
    assert found == [
        *expected,
        f"rjsonl-{words}",
        f"rjsonl-{words}-2",
        f"rjsonl-{words}-3",
        f"sjsonl-{words}",
    ]


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("Courts, at last, convicted nine.", "Courts%2C%20at%20last%2C%20convicted%20nine."),
        ("A re-arrest & one—more.", "A%20re%2Darrest%20%26%20one%E2%80%94more."),
        ("1 2 3 4 5 6 7 8 9 10 11 12 13", "1%202%203%204%205%206,8%209%2010%2011%2012%2013"),
        ("Cases opened | 4 | nine in all", "Cases%20opened,nine%20in%20all"),
    ],
)
def test_a_link_opens_the_address_at_the_words(run: Run, text: str, fragment: str) -> None:
    passage = Passage(text, 0, len(text), "prosecution", ("failure",), SCORES)
    address = "https://example.org/k#top"
    citation = cite(report(run, passage, file="/home/ana/k.html", address=address), passage)
    assert citation.address == "https://example.org/k#top"
    assert citation.link == f"https://example.org/k#:~:text={fragment}"
    assert f"url = {{{citation.link}}}" in citation.bibtex


def test_no_citation_has_the_folder_of_a_file(run: Run) -> None:
    passage = Passage("Courts slept.", 3, 16, "prosecution", ("failure",), SCORES)
    for file in ("/home/ana/secret/k.pdf", "../secret/k.pdf", "secret/k.pdf"):
        for title in (None, "Karvonia at Work"):
            citation = cite(report(run, passage, file=file, title=title), passage)
            for form in (
                citation.plain,
                citation.bibtex,
                citation.ris,
                repr(citation),
            ):
                assert "secret" not in form
                assert "k.pdf" in form


def test_an_input_row_is_cited_by_its_own_country_year_and_page(run: Run) -> None:
    fields = {"country": "Tarn", "year": "2023", "page": 7}
    passage = Passage("Courts slept.", 0, 13, None, ("failure",), SCORES, extra=fields)
    citation = cite(Report("r.jsonl", None, [passage], run=run), passage)
    assert citation.source.startswith("r.jsonl (Tarn, 2023), p. 7 (read")
    assert citation.key.startswith("tarn2023-")


def test_what_is_not_known_to_be_tagged_alike_is_not_cited_or_compared(
    run: Run, classifier: Classifier
) -> None:
    passage = Passage("Courts slept.", 0, 13, None, ("failure",), SCORES)
    with pytest.raises(ValueError, match="not known what tagged these"):
        cite(Report("k.txt", None, [passage]), passage)
    with pytest.raises(ValueError, match="tag all of them alike"):
        compare(report(run, passage), report(classifier.run("screen"), passage))
