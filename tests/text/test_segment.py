"""Test segmentation: exact offsets for any text, and sentence boundaries as a reader sees them."""

from __future__ import annotations

import itertools
import pickle
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tipclassify.corpus.holdout import is_real
from tipclassify.corpus.rows import Row
from tipclassify.readers import read_report
from tipclassify.records import Block, Document, PageStart, Passage
from tipclassify.text.split import Unit, split_passages, text_document

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True, scope="module")
def every_sentence() -> Iterator[None]:
    """Keep dates, references and numbers as passages: here it is only asked where they end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tipclassify.text.split.is_non_prose", lambda *_: False)
        yield


# Each line is a paragraph, with a bar at each end of a sentence inside it. Countries, people and
# facts are invented.
CASES: Final = {
    "plain sentences": """
Police arrested nine traffickers.| Courts convicted none of them.
Did the government act?| It did not!| Observers were not surprised.
The law prescribes four to 12 years’ imprisonment; these penalties are stringent.| \
No one was charged.
""",
    "numbered and bulleted lists": """
1. Prosecute traffickers.| 2. Fund shelters.| 3. Train judges.
1) Prosecute traffickers.| 2) Fund shelters.| 3) Train judges.
(1) Prosecute traffickers.| (2) Fund shelters.| (3) Train judges.
(a) Prosecute traffickers.| (b) Fund shelters.| (c) Train judges.
a. Prosecute traffickers.| b. Fund shelters.| c. Train judges.
(1) Inspectors fined firms.| Prosecutors dropped charges.| (2) Courts convicted none.| Judges \
took bribes.
(16) Guards sold visas.| Clerks forged papers.
15. The act of Norvia on the erased in 2010 (8 March 2010) (Erased Act) was noted.| It failed.
(a) A report by the ministry under paragraph 15 (a) (NRV/1); its police sent none.
• Prosecute traffickers.| • Fund shelters.| • Train judges.
• prosecute traffickers;| • fund shelters;| • train judges.
– Amend the penal code.| – Increase the number of inspectors.
1. prosecute traffickers.| 2. fund shelters.| 3. train judges.
The ministry should do the following:| 1. Amend the law.| 2. Train judges.
The ministry should do the following:| • Amend the law.| • Train judges.
47. Courts convicted 12 traffickers in 2023.| 48. Courts convicted nine in 2024.
1. The raids freed victims in groups of 12.| They were sent home.
1. Amend the penal code| 2. Train more judges| 3. Pay inspectors
1. The court applied Article 2.| Police did not.
""",
    "semicolon lists stay whole": """
Increase investigations; train judges; and amend the law.
The government: (1) trained police; (2) funded shelters; and (3) convicted two traffickers.
The government (a) trained police, (b) funded shelters, and (c) convicted two traffickers.
The plan has three aims: i) to train police; ii) to fund shelters; iii) to try traffickers.| \
It lapsed in 2023.
Significant issues included: unlawful killings; torture by police; and the worst forms of child \
labor.| The government took no steps.
Vigorously investigate officials; Increase funds for shelters; Train judges.
""",
    "sentences run together": """
Hold officials accountable.|Amend the law.|Train judges.
Hold officials accountable;|Amend the law;|Train judges.
Increase convictions of traffickers.|* Amend the law.
Courts convicted no one in 2023.|The government gave no reason.
The plan lapsed (in May).|The government did not renew it.
Officials said “nothing happened.”|The government opened no inquiry.
He called it “a lie.”|She did not answer.
""",
    "quotes and brackets": """
The minister said “we will act.”| The government did not.
The minister said "we will act."| The government did not.
The minister said ‘we will act.’| The government did not.
The minister said 'we will act.'| The government did not.
The minister said, “There is no trafficking here.”| Observers disagreed.
The minister said there was “no trafficking”.| Observers disagreed.
“There is no trafficking here.”| “There was never any.”
The judge asked “Why?” and adjourned.| No one answered.
Police acted late.| (See section 2.)| The government did not act.
Police acted late.| (See section 2.)| 14 victims fled.
Police acted late.| (See section 2.)
The law forbids it.| [See annex B.]| Courts ignore it.
The order (“No one leaves.”) was read aloud.| No one left.
They call it “the season.”| “Season” workers sleep in tents.
The group Children Now! reported 12 cases.| The ministry denied them.
The show Who Pays? named two officials.| Both kept their posts.
""",
    "abbreviations inside sentences": """
The U.S.-funded shelter in St. John’s closed.| It was late.
The U.S. Department of State trained police.| Courts did not act.
The U.S. Embassy in Port Salwen paid for the shelter.| It closed.
The U.S. government paid for the shelter.| It closed.
The U.K. Home Office sent experts.| They left in May.
The U.N. Office on Drugs and Crime sent experts.| They left in May.
The envoy in Washington, D.C., denied the charge.| He left.
ILO Conventions Nos. 29 and 105 are in force.| Courts ignore them.
Under Arts. 4 and 5 of the code, judges may fine recruiters.| None did.
See Sec. 3 of the act and para. 12 of the report.| Both are public.
See pp. 3–4, fig. 2, and vol. 1 of the annex.| Both are public.
See paras. 46 and 47 of the report.| Both are public.
Under Sec. 5(b) the agency may act.| It did not.
Police vs. Recruiters was a film.| No one saw it.
Fines reached approx. 12,000 francs ($840).| No one paid.
Gen. Moro and Col. Sann kept child soldiers.| No one was charged.
Mr. Sok, Mrs. Sok, and Dr. Bano ran the shelter.| It closed.
Maj. Gen. Sann and Brig. Gen. Moro took bribes.| Both kept their posts.
St. Lucia’s Bay has no shelter.| Victims sleep in Ft. Moro.
By Jan. 5 police had freed 12 girls.| By Feb. 9 all had fled.
Sunrise Recruiting Co. Ltd. held passports.| It kept its license.
Children work in some sectors, e.g., brick kilns.| Few are found.
Sann et al. counted 300 victims.| The ministry counted 12.
Judge J. Moro freed the guards.| The state appealed.
The ministry, incl. its labor dept. and police, did nothing.| It had funds.
Reg. No. 44 and Dec. No. 12/2015 lapsed.| No law replaced them.
Law Num. 12 and Decrees Nums. 3 and 4 lapsed.| No law replaced them.
The agency paid 40 lira per sq. km. of cleared land.| Boys did the work.
Victims’ Fund acct. no. 12 was empty.| Courts did not ask why.
The Dem. Rep. of Kesra has no law on trafficking.| It has no shelter.
""",
    "abbreviations that end a sentence": """
Traffickers sent 12 girls to the U.S.| The government then opened a case.
Recruiters sent workers to the U.S.| In May two returned.
Recruiters sent workers to the U.S.| Police arrested two.
Recruiters sent workers to the U.S.| Authorities arrested two.
The experts came from the U.K.| They left in May.
The ministry signed a plan with the U.N.| It lapsed in 2023.
Raids began at 4 a.m.| Police arrested two recruiters.
Raids began at 4 a.m. Monday in the port.| No one was arrested.
The passports were held by Sunrise Ltd.| In May the state fined it.
The guards are paid by Samuel Moro Jr.| The police look away.
The answer was no.| The court gave no reason.
Forced labor is banned by Section 7.b.| The law is ignored.
""",
    "figures, money and dates": """
The fund fell to $1.2 million.| It was $3 million in 2023.
Only 3.5 percent of farms were inspected.| The rest were not.
The fund fell by 3.5%.| Inspectors left.
The fee is 1.200,50 lira.| Few can pay.
On 12.03.2021 the court freed the guards.| The state appealed.
The court freed the guards on 12.03.2021.| The state appealed.
The ministry spent 4,000 lira.| $300 went to shelters.
The score is 7.| The limit is 9.
The fee for a visa was $1,300.50.| Recruiters kept half of it.
Forced labor is defined in section 3.12.| Debt is not.
The levy is $40.00.| It is paid by the worker.
""",
    "section numbers and captions": """
7.b. Prohibition of Forced Labor
1.1.2 Prosecution of traffickers fell.| Courts were closed.
Section 4. Corruption in government
Table 5. Labor inspections by province
Article 5. Monitoring mechanisms.| The committee asks for figures.
(See section 7.b.)| The law allows it.
See section 7.c. for child labor.| The law allows it.
As told in section 7.b, police look away.| No one was charged.
""",
    "ellipses": """
They often acted late…| The government said nothing.
They often acted late...| The government said nothing.
They often acted late. . .| The government said nothing.
They often acted late. . . .| The government said nothing.
They often acted late … and without notice.| No one was charged.
They often acted late... and without notice.| No one was charged.
They often acted late […] and without notice.| No one was charged.
…and the ministry did nothing.| No one was charged.
“Victims [...] were told to wait at the gate [...]” (Moro 12).
"Victims [...] were told to wait at the gate [...]" (Moro 12).| No one was charged.
They often acted late…|The government said nothing.
""",
    "footnotes": """
No official was held accountable.12| The government gave no reason.
No official was held accountable.[12]| The government gave no reason.
No official was held accountable.[12][13]| The government gave no reason.
No official was held accountable.¹²| The government gave no reason.
No official was held accountable.1,2| The government gave no reason.
No official was held “accountable.”12| The government gave no reason.
No official was held accountable.[a]| The government gave no reason.
The ministry closed the shelter.(12)| Victims were sent home.
The ministry closed the shelter. (1,2)| Victims were sent home. (3)| No one said why. (4-6)
Police refer cases to the courts. (6)| Prosecutors open trials. (6)| Judges hear them.
The ministry closed the shelter. (3) (5)| “It was full,” said its head.
The ministry made a plan.| (1) Fund shelters.| (2) Train judges.| (3) Amend the law.
No official was held accountable.*| The government gave no reason.
""",
    "headings run into the text": """
PROSECUTION| The government increased law enforcement efforts.
PRIORITIZED RECOMMENDATIONS:| Amend the law.| Train judges.
TRAFFICKING PROFILE| As reported over the past five years, girls are exploited.
PROTECTION:| The government decreased efforts.
UNHCR and IOM trained police.| UNICEF did not.
""",
    "dashes": """
The shelter — the only one for men — closed.| It had funds.
The shelter – the only one for men – closed.| It had funds.
The shelter--the only one for men--closed.| It had funds.
Guards took 10–20 lira a head.| No one was charged.
""",
    "addresses": """
See www.labor.example/reports/child.labor/Findings.html for the list.| It is short.
The list is at https://www.labor.example/a.b/C.D?x=1.| It is short.
The list is at https://labor.example/Reports.Final.pdf.| It is short.
Write to help@victims.gov.kr or call 116.| No one answers.
Write to Anna.Moro@Victims.Org.| No one answers.
The hotline is at victims.org.| No one answers.
""",
    "starts that are not capital letters": """
Police arrested 12 men.| 14 victims went home.
Police arrested 12 men.| “Victims” were jailed.
Police arrested 12 men.| Élodie, a victim, testified.
Police arrested 12 men.| #Freedom was a campaign.
The govt. did not act.| It had no plan.
The govt. to its credit acted.| It had a plan.
""",
    "more of everything": """
The Ministry of Labor (MoL), with the U.N. and the EU, opened three centers.| None was for men.
During the year, 14 judges attended training in St. Petersburg-on-Sea.| Prosecutors did not.
The law carries penalties of up to 15 years’ imprisonment, a fine of 5,000 to 10,000 \
marks ($560 to $1,120), or both.| Courts seldom impose them.
Police arrested Brig. (ret.) Moro in June.| He was freed in July.
An official in the office of the P.M. took bribes.| He kept his post.
Mr. Bano, Ph.D., ran the agency.| It closed.
The NGO “Hope for All!” runs one shelter.| It has 12 beds.
At 11:30 p.m., police entered the bar.| Nine girls were inside.
The unit has six officers (vs. nine in 2022).| It has one car.
The fund (approx. $2.5 million) was not spent.| The ministry gave no reason.
The government did not report how many victims it identified in 2023.2| In 2022 it identified 14.
He said: “I paid.| I paid every week.| No one came.”
Victims received a) food, b) shelter, and c) advice.| None received pay.
The government has not ratified the 2000 U.N. TIP Protocol.| It has signed it.
Recommendation 1: Amend the law.| Recommendation 2: Train judges.
Boys sell water in Kesra St. and beg in Port Rd.| Police look away.
Officials at the Min. of Labour, Dept. of Inspections, were absent.| They had gone home.
He was sentenced on Aug. 3.| She was not.
It is the fault of the police, the courts, the ministry...| Everyone but the recruiters.
See http://www.gov.ks/a_b?c=D.E&f=G.| The page is empty.
The text reads: “Art. 5. No one shall be held in slavery.”| It is not enforced.
Under sec. 3.a. the minimum age is 14.| It is not enforced.
NGOs – e.g. Hope – ran shelters.| None was funded.
The committee met once (!) in the year.| It had no agenda.
Why was no one charged?!| Observers asked.
Section 6. Discrimination and Abuses
The Republic of Kesra (R.K.) has no law.| It has signed the treaty.
The Rev. Bano sheltered 12 men.| The police raided his church.
He is held in prison no. 4.| She is in no. 5.
Inspectors found 12 children, incl. 4 under 10.| All were sent home.
The government spent $3 mil. in 2022.| It spent $2 mil. in 2023.
Kesra’s U.N. envoy denied it.| The U.N. did not reply.
The cabinet approved Law No. 9-2021.| Art. 3 defines trafficking.
Police, e.g., in Salwen, took bribes.| Elsewhere they did not.
In Norvia vs. In re Moro, the court ruled for the guards.| No one appealed.
The budget was Kr. 4 million.| It was Kr. 6 million in 2022.
The minister, Lt. Col. (ret.) Moro, resigned.| He was not charged.
The victims came from Kesra, Norvia, et al.| None was repatriated.
The order cites Sec. IV.| No penalties apply.
She said, “I was sold.| They beat me.”| The police did not come.
The hotline received 1,204 calls; 31 led to inquiries.| None led to a trial.
The government took no action.**
Train judges.|Train prosecutors.|Fund shelters (for men, too).|Report each year.
Train judges;|Fund shelters;|Report each year.
increase funding for shelters.| train judges.
The agency was “closed.”| Its license was not.
Was it closed?”| No one knew.
The law of 3 Apr. 2022 applies.| The law of 5 Apr. does not.
Temp. workers lack contracts.| Perm. workers have them.
The raid (led by Insp. Kuti) freed nine men.| No one was charged.
The guards are known as “the A. team.”| They sell visas.
A Kesran court, in Moro v. Kesra, awarded nothing.| The U.N. Committee did.
The inspectors found nothing wrong at Moro & Co.| They did not go inside.
“No.”| That was his answer.
The government (1) trained police.| It (2) did not train judges.
Victims pay a fee – often twice.| – No one is charged.
""",
}
# What the splitter gets wrong, and would get wrong more of the rest to get right.
KNOWN_WRONG: Final = (
    "The plan covers phase I.| Phase II is not funded.",  # an end, or an initial
    "Yesterday the agency wrote to the Gov.| The reply was short.",
)

CLAUSES: Final = """
Increase funds for shelters;| train judges on the law;| and amend the penal code.
The government: (1) trained 40 police officers;| (2) funded two shelters;| \
and (3) convicted two traffickers.
The government (a) trained 40 police officers,| (b) funded two shelters,| \
and (c) convicted two traffickers.
The plan has three aims: i) to train the police;| ii) to fund shelters for men;| \
iii) to try traffickers.
The ministry must 1) train its inspectors| 2) pay its social workers| 3) publish its figures.
The law prescribes four to 12 years’ imprisonment; these penalties are stringent.
Fund shelters; train judges.
Police freed nine men; courts, as in the years before, convicted no one.
Report figures; train judges (on the law; on care; on evidence);| and amend the code.
Report the figures; train judges on “the law; the care of victims; the evidence” in May.
Fund shelters for men;| train judges (on the law; on care; on evidence);| and amend the penal code.
Abuses: torture; unlawful killings by police;| the worst forms of child labor;| \
and forced labor; impunity.
Under articles 4 (a) and (b) of the code, judges may fine recruiters.
Under paragraphs (1) and (2) of the law, judges may fine recruiters who hold passports.
The code punishes (2) sale and (3) purchase of children under 14 years of age.
The minister, his deputy, and the chief of police took money, but no one was charged, although all \
was known.
1. Fund shelters for men;| train judges on the law;| amend the penal code.
Labor inspectors visited farms; no one was fined.
Labor inspectors from the ministry visited 312 farms, 14 mines and nine fish plants in the three \
northern provinces during the year, as they had done in each of the two years before, and found \
children at work in most of them;| the ministry fined no employer and did not say why.
"""

# Everything that has broken offsets somewhere: surrogate-pair characters, CRLF, tabs, no-break
# spaces, list marks.
PIECES = st.sampled_from(
    [
        "The police acted.",
        "😀",
        "𝒯rafficking",
        "\r\n",
        "\n\n",
        "\t",
        "\u00a0",
        "\u200b",
        "\ufeff",
        " ",
        "1.",
        " 2) ",
        "• ",
        "(a) ",
        "(see sec. 3.)",
        "U.S.",
        "…",
        "...",
        "Art. 4 (2)",
        ";Amend",
        "; and amend",
        ".Amend it",
        ".12 The",
        "[3]",
        "¹",
        "\u2028",
        "\x85",
        "\x0c",
        "“Quote.”",
        "“",
        '"',
        "PROTECTION",
        "PROTECTION The court",
        "-",
        "e\u0301",
        "Ministère",
        "\x00",
        "\ud800",
        "”",
    ]
)
TEXTS = st.one_of(st.text(), st.lists(PIECES).map("".join), st.lists(PIECES).map(" ".join))
UNITS = st.sampled_from(["sentence", "clause"])
# white or of no width, the bar between two cells, or the bullet of an entry
UNSEEN = re.compile(r"(?:\| |[•*·–-]\s|[\s\u200b\u200e\u200f\u2060\ufeff])*")


def lines(block: str) -> list[str]:
    """Return the lines of a block of cases."""
    return block.strip("\n").split("\n")


def whole(text: str) -> Document:
    """Return a document of one block."""
    return Document(text, (Block(0, len(text)),))


def split(text: str, unit: Unit = "sentence") -> list[str]:
    """Passages of a text that is one block."""
    return [p.text for p in split_passages(whole(text), unit)]


def texts(text: str) -> list[str]:
    """Passages of a text with whatever blocks it has."""
    return [p.text for p in split_passages(text_document(text))]


# ------------------------------------------------------------------------------------- for any text


@given(TEXTS, UNITS)
@example("", "sentence")
@example("a" * 20_000, "sentence")
@example("The court, in Art. 12, ruled. " * 2_000, "sentence")
@example("(1) fund it; (2) " * 2_000, "clause")
@example("accountable.Amend" * 2_000, "sentence")
def test_every_passage_is_its_characters(text: str, unit: Unit) -> None:
    passages = split_passages(text_document(text), unit)
    for passage in passages:
        assert passage.text == text[passage.start : passage.end]
        assert passage.text == passage.text.strip()
        assert passage.text
    assert all(before.end <= after.start for before, after in itertools.pairwise(passages))


@given(TEXTS, UNITS)
def test_nothing_that_is_seen_is_lost_but_headings(text: str, unit: Unit) -> None:
    document = text_document(text)
    covered = [(passage.start, passage.end) for passage in split_passages(document, unit)]
    covered += [(block.start, block.end) for block in document.blocks if block.heading]
    covered_until = 0
    for start, end in [*sorted(covered), (len(text), len(text))]:
        assert UNSEEN.fullmatch(text, covered_until, start)
        covered_until = end


@given(TEXTS)
def test_clauses_are_parts_of_sentences(text: str) -> None:
    document = whole(text)
    sentences = split_passages(document)
    clauses = split_passages(document, "clause")
    starts = {clause.start for clause in clauses}
    ends = {clause.end for clause in clauses}
    assert {sentence.start for sentence in sentences} <= starts
    assert {sentence.end for sentence in sentences} <= ends


@pytest.mark.parametrize("unit", ["sentence", "clause"])
def test_a_passage_alone_is_that_passage(unit: Unit) -> None:
    # For any text it cannot be: whether a quotation mark opens or closes, and whether "b)" is an
    # entry of a list, the rest of the paragraph tells.
    cases = [line for case in (*CASES.values(), CLAUSES) for line in lines(case)]
    documents = [whole(line.replace("|", "")) for line in cases]
    documents += [read_report(path) for path in sorted((ROOT / "data" / "samples").iterdir())]
    passages: list[str] = []
    for document in documents:
        passages += [passage.text for passage in split_passages(document, unit)]
    assert len(passages) > 2 * len(cases)
    assert [text for text in passages if split(text, unit) != [text]] == []


@pytest.mark.parametrize("unit", ["sentence", "clause"])
def test_the_bar_before_a_cell_is_no_part_of_its_sentence(unit: Unit) -> None:
    text = "The law was amended. It is in force. | Not done. | Police came. They left."
    document = Document(text, (Block(0, len(text)),))
    assert [passage.text for passage in split_passages(document, unit)] == [
        "The law was amended.",
        "It is in force.",
        "Not done.",
        "Police came.",
        "They left.",
    ]


def test_a_passage_is_on_the_page_on_which_it_begins() -> None:
    text = "Police came. They left. Courts sat."
    block = Block(0, len(text), page=3, later_pages=(PageStart(13, 4), PageStart(28, 6)))
    assert [passage.page for passage in split_passages(Document(text, (block,)))] == [3, 4, 4]


def test_blocks_and_pages_go_with_their_passages() -> None:
    text = "One left. Two stayed.\n\nThree fled."
    document = Document(text, (Block(0, 21, "profile", page=3), Block(23, 34, None, page=4)))
    assert [(p.block, p.page, p.section) for p in split_passages(document)] == [
        (0, 3, "profile"),
        (0, 3, "profile"),
        (1, 4, None),
    ]


# ---------------------------------------------------------------------------------------- sentences


@pytest.mark.parametrize("line", [line for case in CASES.values() for line in lines(case)])
def test_sentences_end_where_a_reader_ends_them(line: str) -> None:
    assert split(line.replace("|", "")) == [part.strip() for part in line.split("|")]


@pytest.mark.parametrize(
    "line",
    [pytest.param(line, marks=pytest.mark.xfail(strict=True)) for line in KNOWN_WRONG],
    ids=str,
)
def test_what_is_known_to_be_split_wrong(line: str) -> None:
    assert split(line.replace("|", "")) == [part.strip() for part in line.split("|")]


def test_a_sentence_is_never_cut_for_its_length() -> None:
    long = f"The government {'trained police, ' * 100}and left."
    assert split(f"{long} It closed.") == [long, "It closed."]


@pytest.mark.parametrize(
    "space", ["\r\n", "\n", "\t", "\u00a0", " \u00a0 ", "\u2003", "\u200b", " \u200b", "\ufeff"]
)
def test_any_space_parts_sentences(space: str) -> None:
    assert split(f"Police acted.{space}Courts did not.") == ["Police acted.", "Courts did not."]
    assert split(f"Law No.{space}182 lapsed.") == [f"Law No.{space}182 lapsed."]


def test_what_has_no_width_is_no_passage() -> None:
    assert texts("Police acted.\n\n\u200b\n\nCourts did not.\ufeff") == [
        "Police acted.",
        "Courts did not.",
    ]


def test_text_without_capitals_is_split_at_its_stops() -> None:
    assert split("the police acted. the courts did not.") == [
        "the police acted.",
        "the courts did not.",
    ]


def test_a_number_that_nothing_follows_stays_with_the_sentence_before_it() -> None:
    assert split("Fund shelters. Train judges. 3.") == ["Fund shelters.", "Train judges. 3."]
    assert split("3.") == ["3."]


def test_sentences_of_the_corpus_in_paragraphs_are_found_again(shipped_rows: list[Row]) -> None:
    true_count = 0
    split_count = 0
    right_count = 0
    for sentences in paragraphs(shipped_rows):
        lengths = (len(sentence) + 1 for sentence in sentences)
        true_ends = set(itertools.accumulate(lengths, initial=-1))
        split_ends = {passage.end for passage in split_passages(whole(" ".join(sentences)))}
        true_count += len(sentences)
        split_count += len(split_ends)
        right_count += len(split_ends & true_ends)
    assert true_count > 20_000
    # most of the rest are two sentences in the corpus as well
    assert right_count / split_count > 0.9985
    assert right_count / true_count > 0.9995


def paragraphs(rows: Sequence[Row]) -> Iterator[list[str]]:
    """Return the invented sentences in any order, six to a paragraph."""
    texts = [row["text"].strip() for row in rows if not is_real(row)]
    sentences = [
        text
        for text in texts
        if " | " not in text  # no rows of tables
        and re.search(r"[.!?][\"”’)\]]?$", text)
        and not text[0].islower()
        and not re.match(r"Sec(?:tion|\.) \d+\. ", text)  # nor lines of a table of contents
    ]
    random.Random(3).shuffle(sentences)
    return (sentences[at : at + 6] for at in range(0, len(sentences), 6))


# ------------------------------------------------------------------------------------------ clauses


@pytest.mark.parametrize("line", lines(CLAUSES))
def test_lists_inside_a_sentence_are_split_to_clauses(line: str) -> None:
    text = line.replace("|", "")
    assert split(text) == [text]
    assert split(text, "clause") == [part.strip() for part in line.split("|")]


# --------------------------------------------------------------------------------------- paragraphs


def test_a_list_entry_is_a_block() -> None:
    assert texts("1. Prosecute traffickers.\n2. Fund shelters.") == [
        "1. Prosecute traffickers.",
        "2. Fund shelters.",
    ]


def test_a_hard_wrapped_paragraph_is_one_block() -> None:
    wrapped = (
        "The government of the islands investigated nine cases of forced\n"
        "labor during the year, of which prosecutors brought four before a\n"
        "court."
    )
    assert texts(wrapped) == [wrapped]
    assert texts(wrapped.replace("\n", "\r\n")) == [wrapped.replace("\n", "\r\n")]


def test_a_narrow_column_is_one_block_and_a_list_of_short_lines_is_none() -> None:
    column = (
        "Police investigated nine cases\n"
        "of forced labor in the year, and\n"
        "prosecutors brought four before\n"
        "a court."
    )
    assert texts(column) == [column]
    listed = [
        "Training for border guards",
        "Shelter for men and for women",
        "Inspection of fishing boats",
        "Hotline",
    ]
    assert texts("\n".join(listed)) == listed


def test_lines_that_are_no_wrapped_paragraph_stand_alone() -> None:
    assert texts("Article\n24 June 2024\nTimeline") == ["Article", "24 June 2024", "Timeline"]


WRAPPED = (
    "The government of the islands investigated nine cases of forced labor during the year, and\n"
    "prosecutors brought four of them before a court.\n"
)
LONG = (
    f"Inspectors of the {'northern ' * 14}provinces, who had no cars, fined none of the owners of\n"
)


@pytest.mark.parametrize(
    ("pasted", "passages", "headings"),
    [
        (WRAPPED + LONG + WRAPPED.replace("The", "the"), 2, []),
        (f"{WRAPPED}\nRights of migrants\n\n{WRAPPED}", 2, ["Rights of migrants"]),
        (f"{WRAPPED}Rights of migrants\n{WRAPPED}", 2, ["Rights of migrants"]),
        (f"## Rights of migrants\n\n{WRAPPED}", 1, ["## Rights of migrants"]),
        (f"{WRAPPED}\nNo one was charged\n\n{WRAPPED}", 3, []),
        (f"• train judges;\n• fund shelters.\n- {WRAPPED}", 3, []),
        (f"24. {WRAPPED}{WRAPPED}25.\n{WRAPPED}", 3, []),
    ],
    ids=["long line", "alone", "in a run", "marked", "statement", "bullets", "numbers"],
)
def test_pasted_text_is_read_as_it_is_seen(pasted: str, passages: int, headings: list[str]) -> None:
    document = text_document(pasted)
    found = [passage.text for passage in split_passages(document)]
    assert len(found) == passages
    assert all(text.endswith((".", ";", "charged")) and text[0].isalnum() for text in found)
    assert [
        document.text[b.start : b.end].strip() for b in document.blocks if b.heading
    ] == headings


def test_section_names_open_sections_and_are_not_passages() -> None:
    text = "PROSECUTION\nPolice acted.\n\nTrafficking Profile:\nGirls beg."
    assert [(p.section, p.text) for p in split_passages(text_document(text))] == [
        ("prosecution", "Police acted."),
        ("profile", "Girls beg."),
    ]


@pytest.mark.parametrize(
    "line",
    ["Anti-trafficking law enforcement efforts were weak", "Victim protection fell in the north"],
)
def test_a_short_line_that_says_something_is_no_heading(line: str) -> None:
    assert texts(f"{line}\n\nPolice acted.") == [line, "Police acted."]


@pytest.mark.parametrize(
    "line", ["Victim Protection", "LAW ENFORCEMENT EFFORTS:", "Trafficking profile", "Overview"]
)
def test_a_short_line_that_names_a_section_is_one(line: str) -> None:
    assert texts(f"{line}\n\nPolice acted.") == ["Police acted."]


def test_a_word_in_capitals_between_blank_lines_is_a_heading_and_an_acronym_is_none() -> None:
    text = (
        "PROTECTION\n\nNo shelter opened.\n\nUNHCR\n\nUNICEF\n\nINTERPOL\n\nFRONTEX\n\n"
        "PRISONS\n\nCells were full.\n\nBACKGROUND\n\nIt rained.\n\nCOURTS\n"
    )
    document = text_document(text)
    assert [(text[b.start : b.end].strip(), b.section, b.heading) for b in document.blocks] == [
        ("PROTECTION", "protection", True),
        ("No shelter opened.", "protection", False),
        ("UNHCR", "protection", False),
        ("UNICEF", "protection", False),
        ("INTERPOL", "protection", False),
        ("FRONTEX", "protection", False),
        ("PRISONS", "PRISONS", True),
        ("Cells were full.", "PRISONS", False),
        ("BACKGROUND", "PRISONS: BACKGROUND", True),
        ("It rained.", "PRISONS: BACKGROUND", False),
        ("COURTS", "PRISONS: BACKGROUND", False),
    ]


def test_a_section_name_run_into_its_paragraph_opens_the_section_too() -> None:
    text = (
        "PROSECUTION The government tried two men.\n\nPRIORITIZED RECOMMENDATIONS: Amend the law."
    )
    document = text_document(text)
    assert [(b.heading, text[b.start : b.end].strip()) for b in document.blocks] == [
        (True, "PROSECUTION"),
        (False, "The government tried two men."),
        (True, "PRIORITIZED RECOMMENDATIONS:"),
        (False, "Amend the law."),
    ]
    assert [p.section for p in split_passages(document)] == ["prosecution", "recommendations"]


def test_blocks_and_passages_are_the_same_in_another_process() -> None:
    scores = {"positive_effort": 0.1, "failure": 0.9, "complicity": 0.0}
    passage = Passage("No shelter opened.", 3, 21, "protection", ("failure",), scores, True, 4, 7)
    block = Block(3, 21, "protection", heading=False, page=4)
    assert pickle.loads(pickle.dumps([passage, block])) == [passage, block]
    assert replace(passage, text="x") != passage
