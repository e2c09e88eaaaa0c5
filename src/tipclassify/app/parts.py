"""Parts of the app's pages that Python writes: HTML in which texts of reports stay texts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import jinja2

from tipclassify._version import __version__
from tipclassify.labels import Style
from tipclassify.model.scoring import Explanation
from tipclassify.probability import probability
from tipclassify.records import Passage, section_name
from tipclassify.resources import read_resource, resource_path
from tipclassify.write.reasons import summarize
from tipclassify.write.templating import escape_attribute, escape_content


class Parts:
    """Parts of the pages about labels of these styles."""

    def __init__(self, styles: Mapping[str, Style]) -> None:
        self._styles = styles
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(resource_path("app/templates")),
            autoescape=True,
            finalize=escape_content,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {
            "clock": clock,
            "count": count,
            "escape_attribute": escape_attribute,
            "letter": lambda label: styles[label].letter,
            "minus": minus,
            "probability": probability,
            "signed": signed,
        }
        self._environment.tests["bulleted"] = lambda line: line.lstrip().startswith(("- ", "• "))
        self._environment.globals |= {
            "LETTERS": {label: style.letter for label, style in styles.items()},
            "NAMES": {label: style.name for label, style in styles.items()},
            "same": same_answer,
            "version": __version__,
        }
        self._macros = self._environment.get_template("parts.html").module

    def render(self, part: str, **values: object) -> str:
        """Write a part: one of the macros of ``parts.html``."""
        return str(getattr(self._macros, part)(**values))

    def page(self, thresholds: Mapping[str, float]) -> str:
        """Write the page of the review, which holds nothing of a report."""
        codebook = json.loads(read_resource("app/codebook.json"))["labels"]
        return self._environment.get_template("app.html").render(
            labels=list(self._styles),
            thresholds=thresholds,
            codebook={
                label: codebook.get(label, {"rule": style.meaning, "examples": []})
                for label, style in self._styles.items()
            },
            no_section=section_name(None),
        )

    def colours(self) -> str:
        """Write the style sheet of the labels' colours, in light and in the dark."""
        return self._environment.get_template("labels.css").render(styles=self._styles.values())

    def reason(
        self, passage: Passage, label: str, explanation: Explanation, threshold: float
    ) -> dict[str, str]:
        """Write why a passage has its score on a label: a table, and the text with strong words."""
        text = passage.text
        reason = summarize(text, explanation)
        table = self.render(
            "reason",
            passage=passage,
            label=label,
            probability=explanation.probability,
            threshold=threshold,
            reason=reason,
        )
        pieces = []
        done = 0
        for phrase in sorted(reason.phrases, key=lambda phrase: phrase.start):
            if phrase.start >= done:  # else words of a clause that is marked
                pieces.append((text[done : phrase.start], 0.0))
                pieces.append((text[phrase.start : phrase.end], phrase.weight))
                done = phrase.end
        pieces.append((text[done:], 0.0))
        return {"table": table, "text": self.render("marked", label=label, pieces=pieces)}


def same_answer(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two answers, or an answer and a passage, have the same labels."""
    return set(one["labels"]) == set(other["labels"]) and (
        bool(one.get("unsure")) == bool(other.get("unsure"))
    )


def clock(time: str) -> str:
    """Format a time as this machine's clock shows it, with the day."""
    try:
        local = datetime.fromisoformat(time.replace("Z", "+00:00")).astimezone()
    except ValueError:
        return ""
    return f"{local.day} {local:%b}, {local:%H:%M}"


def count(number: int, one: str, many: str = "") -> str:
    """Format a number with its noun.

    >>> count(1, "passage"), count(2_000, "passage")
    ('1 passage', '2,000 passages')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def signed(value: float, digits: int = 2) -> str:
    """Format a weight with its sign.

    >>> signed(1.324), signed(-0.54), signed(-0.001)
    ('+1.32', '−0.54', '0.00')
    """
    size = f"{abs(value):.{digits}f}"
    if not float(size):
        return size
    return ("−" if value < 0 else "+") + size


def minus(value: float, digits: int = 2) -> str:
    """Format a number with a minus sign in place of a hyphen.

    >>> minus(-2.08), minus(1.131), minus(-0.001)
    ('−2.08', '1.13', '0.00')
    """
    return signed(value, digits).removeprefix("+")
