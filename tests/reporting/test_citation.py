"""A citation finds the words again, and its three forms hold any text of a report."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tipclassify import Classifier
from tipclassify.reporting.citation import Citation, cite
from tipclassify.reporting.report import ScoringContext, TaggedReport
from tipclassify.reporting.writers import FORMATS
from tipclassify.text.document import Document, Passage
from tipclassify.text.segmentation.passages import text_document

SCORES = {"positive_effort": 0.1, "failure": 0.91234, "complicity": 0.6}
NASTY = "50% of {A_1} & B #2 \\end $x$ ~^ \n\nTY  - BOOK\r\nER  - \r\n}@misc{x, title={“é报告”"
TEXT = "PROSECUTION\n\nPolice arrested nine men. Judges slept.\n\nCourts convicted none of them.\n\nPREVENTION\n\nNo law."


@pytest.fixture(scope="module")
def run(fast: Classifier) -> ScoringContext:
    return ScoringContext(fast, day="2026-11-28")


def report(
    *passages: Passage,
    file: str = "k.pdf",
    title: str | None = "Karvonia at Work",
    date: str | None = None,
    address: str | None = None,
) -> TaggedReport:
    document = Document(
        "", (), title=title, country="Karvonia", year=2024, date=date, address=address
    )
    return TaggedReport(file, document, passages)


def cited(run: ScoringContext, text: str = "Courts slept.", **values: object) -> Citation:
    passage = Passage(text, 3, 16, "prosecution", ("failure", "complicity"), SCORES, page=12)
    return cite(next(report(passage, **values).findings()), run)  # type: ignore[arg-type]


def test_a_citation_says_where_the_words_are_and_what_tagged_them(run: ScoringContext) -> None:
    about = run.about()
    by = f"{about['tool']}, model {about['model'][:12]}, policy balanced"
    found = cited(run)
    assert found.plain == (
        "“Courts slept.” Karvonia at Work (Karvonia, 2024), section “Prosecution”, p. 12, characters 3–16, k.pdf "
        f"(read 2026-11-28). Tagged as failure (probability 0.91) and complicity (probability 0.60) by {by}."
    )
    assert found.fields["model"] == by
    assert found.fields["read"] == "2026-11-28"
    assert {
        "quote",
        "title",
        "publication",
        "publisher",
        "year",
        "section",
        "page",
        "paragraph",
        "address",
        "characters",
    } < set(found.fields)


def test_bibtex_and_ris_have_the_fields_that_reference_managers_read(run: ScoringContext) -> None:
    found = cited(run, file="https://example.org/a b?x=1&y=%20_#p", date="2025-06-24")
    lines = found.bibtex.splitlines()
    assert (lines[0], lines[-1]) == (f"@misc{{{found.key},", "}")
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
    records = found.ris.split("\r\n")
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
    item = json.loads(found.csl)
    assert (item["id"], item["type"], item["title"]) == (found.key, "report", "Karvonia at Work")
    assert (item["issued"], item["accessed"]) == (
        {"date-parts": [[2025, 6, 24]]},
        {"date-parts": [[2026, 11, 28]]},
    )
    assert (item["page"], item["URL"]) == ("12", found.link)
    assert "publisher" not in item  # not known


def test_a_citation_names_publisher_and_publication_unless_the_title_does(
    run: ScoringContext,
) -> None:
    def source(title: str) -> Citation:
        document = Document(
            "", (), title=title, publication="Harbor Watch", publisher="Halden Institute"
        )
        passage = Passage("Courts slept.", 3, 16, None, ("failure",), SCORES)
        return cite(next(TaggedReport("k.pdf", document, [passage]).findings()), run)

    found = source("Karvonia at Work")
    assert found.source.startswith(
        "Karvonia at Work, Harbor Watch, Halden Institute, characters 3–16, k.pdf"
    )
    assert "  series = {Harbor Watch},\n  organization = {Halden Institute},\n" in found.bibtex
    assert "\r\nT2  - Harbor Watch\r\nPB  - Halden Institute\r\n" in found.ris
    assert source("Harbor Watch: Karvonia").source.startswith(
        "Harbor Watch: Karvonia, Halden Institute, characters"
    )


@given(text=st.text(st.characters(codec=None)) | st.text('{}\\%&_#$~^@",=\r\n -'))
@example(text=NASTY)
def test_no_text_of_a_report_ends_a_field(text: str, run: ScoringContext) -> None:
    found = cited(run, text, title=text, file="http://bad host/{")
    assert "\n" not in found.plain
    for field in re.findall(r"  \w+ = (\{.*\}),\n", found.bibtex):
        depths = [field[:end].count("{") - field[:end].count("}") for end in range(1, len(field))]
        assert min(depths) > 0  # as BibTeX counts: the field's own pair is the outermost
        assert field.count("{") == field.count("}")
        assert not re.search(r"(?<!\\)[%&_#$]|[~^]", field)
    assert len(found.bibtex.splitlines()) == 10
    assert all(re.match(r"[A-Z][A-Z0-9]  - ", line) for line in found.ris.split("\r\n")[:-1])
    assert "\n" not in found.ris.replace("\r\n", "")
    assert found.ris.count("ER  - \r\n") == 1


def test_a_reference_manager_gets_the_words_themselves(run: ScoringContext) -> None:
    found = cited(run, NASTY)
    assert (
        "50\\% of \\textbraceleft{}A\\_1\\textbraceright{} \\& B \\#2 \\textbackslash{}end \\$x\\$"
        in found.bibtex
    )
    assert "“é报告””" in found.bibtex
    assert (
        "AB  - “50% of {A_1} & B #2 \\end $x$ ~^ TY - BOOK ER - }@misc{x, title={“é报告””\r\n"
        in found.ris
    )


def test_a_key_is_the_passages_own_and_the_same_another_day_by_another_model(
    run: ScoringContext, classifier: Classifier
) -> None:
    passages = [
        Passage("Courts slept.", start, start + 13, None, ("failure",), SCORES)
        for start in (0, 14, 28)
    ]
    keys = [cite(finding, run).key for finding in report(*passages).findings()]
    later = ScoringContext(classifier, "screen", day="2027-01-01")
    assert [cite(finding, later).key for finding in report(*passages).findings()] == keys
    others = [cite(finding, run).key for finding in report(*passages, file="2023/k.pdf").findings()]
    rows = TaggedReport("rows.jsonl", None, [passages[0]] * 2, [{"id": "a"}, {"id": "b"}])
    assert len({*keys, *others, *(cite(finding, run).key for finding in rows.findings())}) == 8
    assert all(re.fullmatch("[a-z0-9]+-[0-9a-f]{12}", key) for key in (*keys, *others))
    assert keys[0].startswith("karvonia2024-")


def test_a_source_without_pages_is_cited_by_paragraph_under_its_heading(
    run: ScoringContext, fast: Classifier
) -> None:
    document = text_document(TEXT)
    tagged = fast.tag(document)
    places = [
        cite(finding, run).place for finding in TaggedReport("k.txt", document, tagged).findings()
    ]
    assert [place.rpartition(",")[0] for place in places] == [
        "section “Prosecution”, paragraph 1 of the section",
        "section “Prosecution”, paragraph 1 of the section",
        "section “Prosecution”, paragraph 2 of the section",
        "section “Prevention”, paragraph 1 of the section",
    ][: len(places)]
    assert len(places) == 4
    paged = TaggedReport("k.txt", document, [replace(passage, page=2) for passage in tagged])
    assert "p. 2, characters" in cite(next(paged.findings()), run).place
    plain = text_document("Courts slept.")
    alone = next(TaggedReport("k.txt", plain, fast.tag(plain)).findings())
    assert cite(alone, run).source.startswith("k.txt, paragraph 1, characters 0–13 (read")


def test_without_a_day_no_citation_has_a_date(run: ScoringContext) -> None:
    undated = cited(replace(run, day=""))
    assert "k.pdf. Tagged" in undated.source
    assert "urldate" not in undated.bibtex
    assert "Y2" not in undated.ris


def test_a_file_of_citations_has_each_finding_once(run: ScoringContext, fast: Classifier) -> None:
    document = text_document(TEXT)
    tagged = TaggedReport("k.txt", document, fast.tag(document))
    row = Passage("Courts slept.", 0, 13, None, ("failure",), SCORES)
    rows = TaggedReport("r.jsonl", None, [row, row, row], [{"id": 1}, {"id": 1}, {"id": 2}])
    expected = [cite(finding, run) for finding in tagged.findings() if finding.passage.labels]
    expected += [cite(finding, run) for finding in rows.findings()][1:]
    for name in ("bibtex", "ris"):
        out = io.StringIO(newline="")
        FORMATS[name].steps()[1]([tagged, rows], out, run)
        assert (
            out.getvalue().split()
            == " ".join(getattr(citation, name) for citation in expected).split()
        )
    out = io.StringIO(newline="")
    FORMATS["csl"].steps()[1]([tagged, rows], out, run)
    assert json.loads(out.getvalue()) == [json.loads(citation.csl) for citation in expected]


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("Courts, at last, convicted nine.", "Courts%2C%20at%20last%2C%20convicted%20nine."),
        ("A re-arrest & one—more.", "A%20re%2Darrest%20%26%20one%E2%80%94more."),
        ("1 2 3 4 5 6 7 8 9 10 11 12 13", "1%202%203%204%205%206,8%209%2010%2011%2012%2013"),
        ("Cases opened | 4 | nine in all", "Cases%20opened,nine%20in%20all"),
    ],
)
def test_a_link_opens_the_address_at_the_words(
    run: ScoringContext, text: str, fragment: str
) -> None:
    passage = Passage(text, 0, len(text), "prosecution", ("failure",), SCORES)
    source = report(passage, file="/home/ana/k.html", address="https://example.org/k#top")
    found = cite(next(source.findings()), run)
    assert found.address == "https://example.org/k#top"
    assert found.link == f"https://example.org/k#:~:text={fragment}"
    assert f"url = {{{found.link}}}" in found.bibtex


def test_no_citation_has_the_folder_of_a_file(run: ScoringContext) -> None:
    passage = Passage("Courts slept.", 3, 16, "prosecution", ("failure",), SCORES)
    for file in ("/home/ana/secret/k.pdf", "../secret/k.pdf", "secret/k.pdf"):
        for title in (None, "Karvonia at Work"):
            found = cite(next(report(passage, file=file, title=title).findings()), run)
            for form in (found.plain, found.bibtex, found.ris, found.csl, str(found.fields)):
                assert "secret" not in form
                assert "k.pdf" in form


def test_an_input_row_is_cited_by_its_own_country_year_and_page(run: ScoringContext) -> None:
    about = {"country": "Tarn", "year": "2023", "page": 7}
    row = TaggedReport(
        "r.jsonl", None, [Passage("Courts slept.", 0, 13, None, ("failure",), SCORES)], [about]
    )
    found = cite(next(row.findings()), run)
    assert found.source.startswith("r.jsonl (Tarn, 2023), p. 7, characters 0–13 (read")
    assert found.key.startswith("tarn2023-")
