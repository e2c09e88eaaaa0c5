"""Make ``book.pdf``, a yearbook of twelve invented countries in two columns.

Run ``python tests/files/make_book.py [OUT]``. It needs ``chromium``; the tests do not run it.
Narratives go on in the next column and page; each has a map and a table.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

COUNTRIES = (
    "Arvenia Belmoria Corvaska Dunmarch Eskeria Falsund Gorvany Halmeria Istrova Jorvland "
    "Karvonia Lethmark"
).split()
TIERS = ("Tier 1", "Tier 2", "Tier 2 Watch List", "Tier 3")
CRIMES = (
    "forced labor on fishing boats",
    "sex trafficking in mining towns",
    "forced begging",
    "domestic servitude",
)
PLACES = (
    "the northern ports",
    "the capital",
    "the border districts",
    "the islands",
    "the brick kilns",
)
SENTENCES = {
    "Prioritized Recommendations": [
        "Investigate and prosecute officials suspected of aiding {crime} in {place}.",
        "Open shelters for men and boys, and give {n} of the present ones a budget of their own.",
        "Screen foreign workers in {place} for signs of exploitation before any deportation.",
    ],
    "Prosecution": [
        "The government of {name} slightly increased law enforcement efforts.",
        "Police opened {n} investigations of {crime}, compared with {m} in the previous year.",
        "Courts in {place} convicted {k} traffickers, and judges suspended half of the sentences.",
        (
            "Inspectors did not refer any case of {crime} to prosecutors, although observers "
            "reported many in {place}."
        ),
        (
            "A senior officer in {place} was charged with warning traffickers of raids; his "
            "trial had not begun."
        ),
        (
            "The police academy taught {m} recruits how to question children without their "
            "abusers in the room."
        ),
    ],
    "Protection": [
        "The government maintained weak protection efforts.",
        "Authorities identified {n} victims, {k} of them in {place}, and referred most to care.",
        "Shelters turned away men, and no shelter stood in {place}.",
        "The ministry paid for the journey home of {k} victims of {crime}.",
        (
            "Border guards detained foreign victims for offenses that their traffickers had "
            "forced them to commit."
        ),
    ],
    "Prevention": [
        "The government made modest efforts to prevent trafficking.",
        (
            "A national committee met {k} times and published a plan against {crime} that runs "
            "for four years."
        ),
        (
            "Inspectors visited {m} workplaces in {place} and fined {k} employers for holding "
            "passports."
        ),
        "Parliament did not pass the ban on recruitment fees, for the third year.",
    ],
    "Trafficking Profile": [
        (
            "As reported over the past five years, traffickers exploit men, women and children "
            "from {name} in {crime}."
        ),
        (
            "Recruiters from {place} promise work abroad and keep the passports of those who pay "
            "in advance."
        ),
        "Families in debt send children to {place}, where some are exploited in {crime}.",
    ],
}  # fmt: skip
STYLE = """
@page {
  size: 6.5in 8.5in; margin: .8in .6in;
  @top-center { content: "YEARBOOK OF TRIALS 2024"; font: 7pt serif }
  @bottom-center { content: counter(page) }
}
body { font: 9pt/1.25 "Liberation Serif", serif; margin: 0 }
main { column-count: 2; column-gap: .25in }
h1 { font-size: 20pt; margin: .25in 0 .1in }
h2 { font-size: 11pt; margin: .8em 0 .2em; text-transform: uppercase }
p { margin: 0 0 .5em; text-align: justify }
svg { display: block; margin: .5em 0 }
table { border-collapse: collapse; margin: .4em 0; font-size: 7.5pt; width: 100% }
td, th { border: .6pt solid #666 }
th { background: #ccc }
td { padding: 2pt }
.caption { font: bold 8.5pt sans-serif; margin: .5em 0 .2em }
"""


def facts(number: int, step: int) -> dict[str, object]:
    """Return what a sentence says: each of a country has figures of its own."""
    return {
        "name": COUNTRIES[number],
        "crime": CRIMES[(number + step) % len(CRIMES)],
        "place": PLACES[(number * 2 + step) % len(PLACES)],
        "n": 20 + 7 * number + step,
        "m": 31 + 5 * number + 2 * step,
        "k": 3 + (number + step) % 9,
    }


def paragraphs(number: int, section: str) -> list[str]:
    """Return the paragraphs of a section of a country's narrative."""
    templates = SENTENCES[section]
    first = [text.format(**facts(number, step)) for step, text in enumerate(templates)]
    if section == "Prioritized Recommendations":
        return first  # each recommendation is a paragraph
    second = [text.format(**facts(number, 3 + step)) for step, text in enumerate(templates)]
    return [" ".join(first), " ".join(second[1:])]


def rows(number: int) -> list[tuple[str, str, str]]:
    """Return the rows of a country's table."""
    return [
        ("Trials", "2023", "2024"),
        ("Investigations opened", str(31 + number), str(20 + number)),
        ("Traffickers convicted", str(9 + number), str(4 + number)),
        ("Victims referred to care", str(60 + number), str(71 + number)),
    ]


def narrative(number: int) -> str:
    """Return the page markup of a country."""
    name = COUNTRIES[number]
    drawing = f"""<svg width="120" height="80">
        <path d="M5 40 C 20 {number}, 60 5, 110 30 S 90 75, 30 70 Z" fill="#bbb"/>
        <text x="40" y="45" font-size="7">Port {name[:3]}</text></svg>"""
    markup = [f"<h1>{name.upper()} ({TIERS[number % 4]})</h1>", drawing]
    for section in SENTENCES:
        markup.append(f"<h2>{section}</h2>")
        markup += [f"<p>{text}</p>" for text in paragraphs(number, section)]
        if section == "Prosecution":
            cells = [
                "".join(f"<{'td' if at else 'th'}>{cell}" for cell in row)
                for at, row in enumerate(rows(number))
            ]
            markup.append(f"<p class=caption>Table {number + 1}. Trials in {name}</p>")
            markup.append(f"<table><tr>{'<tr>'.join(cells)}</table>")
            markup += [f"<p>{text}</p>" for text in paragraphs(number, section)[:1]]
    return "".join(markup)


def main(out: Path, *options: str) -> None:
    """Print the book with Chromium; without structure tree, as most books of reports are."""
    body = "".join(map(narrative, range(len(COUNTRIES))))
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "book.html"
        page.write_text(
            f"<!doctype html><meta charset=utf-8><style>{STYLE}</style><main>{body}</main>", "utf-8"
        )
        command = [
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-pdf-header-footer",
            *options,
        ]
        subprocess.run(
            [*command, f"--print-to-pdf={out}", str(page)], check=True, stderr=subprocess.DEVNULL
        )


if __name__ == "__main__":
    main(
        Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("book.pdf"),
        "--disable-pdf-tagging",
    )
