"""Extrapolate the cost of large corpora from the figures of ``speed.py`` on saved pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypedDict

from _measure import markdown, number


@dataclass(frozen=True)
class Work:
    """Assumed (not counted) size of a corpus: documents, and kilobytes and passages in each."""

    name: str
    documents: int
    kilobytes: float
    passages: int
    why: str


WORKS: Final = (
    Work(
        "a year of TIP reports",
        190,
        280,
        150,
        "a narrative each for about 190 countries, some 3,600 words in a page of 280 kB",
    ),
    Work(
        "human-rights and TIP reports of the State Department since 1977",
        12_500,
        280,
        320,
        "48 yearly editions of country reports on human rights, 175 countries on average, "
        "400 passages each, and 25 editions of the TIP Report, 165 narratives on average, "
        "150 passages each",
    ),
    Work("a billion news pages", 1_000_000_000, 100, 30, "some 700 words in a page of 100 kB"),
)


@dataclass(frozen=True)
class Cost:
    """Measured cost on one core."""

    start: float  # seconds
    reading: float  # seconds for a kilobyte of page
    splitting: float  # seconds for each passage
    scoring: float  # seconds for each passage
    writing: float  # seconds for each passage
    written: float  # bytes of JSONL for each passage
    memory: float | None  # MB

    def stages(self, work: Work) -> dict[str, float]:
        """Compute the seconds on one core for each stage of a work."""
        passages = work.documents * work.passages
        return {
            "starting": self.start,
            "reading pages": self.reading * work.documents * work.kilobytes,
            "splitting": self.splitting * passages,
            "scoring": self.scoring * passages,
            "writing": self.writing * passages,
        }


class SpeedFigure(TypedDict):
    """What is read of a figure in the JSON of ``speed.py``."""

    part: str
    name: str
    value: float | None


class SpeedResults(TypedDict):
    """What is read of the JSON of ``speed.py``."""

    figures: list[SpeedFigure]


def cost_of(speed: SpeedResults, model: str) -> Cost:
    """Read the costs of a model from the JSON of ``speed.py``."""
    part = f"Saved page to JSONL, {model}:"
    values = {
        figure["name"]: figure["value"]
        for figure in speed["figures"]
        if figure["part"].startswith(part)
    }
    start = next(
        figure["value"] for figure in speed["figures"] if figure["name"] == f"first tag of {model}"
    )
    kilobytes = values["kB a page"]
    passages = values["passages a page"]
    # milliseconds a page, to seconds
    return Cost(
        start=start,
        reading=values["reading"] / 1e3 / kilobytes,
        splitting=values["splitting"] / 1e3 / passages,
        scoring=values["scoring"] / 1e3 / passages,
        writing=values["writing"] / 1e3 / passages,
        written=values["written a passage"],
        memory=values["peak memory, one job"],
    )


def scenario_table(costs: Mapping[str, Cost]) -> str:
    """Format the time of each work for each model, its slowest stage, and the assumptions."""
    rows = []
    for work in WORKS:
        for model, cost in costs.items():
            stages = cost.stages(work)
            whole = sum(stages.values())
            slowest = max(stages, key=lambda stage: stages[stage])
            rows.append(
                [
                    work.name,
                    model,
                    f"{work.documents:,}",
                    amount(work.documents * work.kilobytes * 1e3),
                    amount(work.documents * work.passages * cost.written),
                    duration(whole),
                    f"{slowest} ({100 * stages[slowest] / whole:.0f}%)",
                    number(cost.memory),
                ]
            )
    columns = (
        "work",
        "model",
        "pages",
        "read",
        "written",
        "one core",
        "most of it",
        "MB a process",
    )
    measured = "\n".join(
        f"- Measured of {model}: start {number(cost.start)} s; "
        f"reading {number(1e6 * cost.reading)} µs a kB; "
        f"µs a passage: splitting {number(1e6 * cost.splitting)}, "
        f"scoring {number(1e6 * cost.scoring)}, "
        f"writing {number(1e6 * cost.writing)}."
        for model, cost in costs.items()
    )
    assumed = "\n".join(
        f"- Assumed of {work.name}: {work.why}; {work.documents:,} pages of "
        f"{work.kilobytes:.0f} kB, {work.passages} passages."
        for work in WORKS
    )
    return f"{markdown(columns, rows)}\n\n{measured}\n{assumed}"


def duration(seconds: float) -> str:
    """Format seconds in the largest unit that gives 1 or more.

    >>> duration(0.5), duration(90), duration(36_000_000)
    ('0.5 s', '1.5 min', '10,000 h')
    """
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{number(seconds / size)} {unit}"
    return f"{number(seconds)} s"


def amount(size: float) -> str:
    """Format bytes in the largest unit that gives 1 or more.

    >>> amount(53_200_000), amount(1e14)
    ('53.2 MB', '100 TB')
    """
    for factor, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB")):
        if size >= factor:
            return f"{number(size / factor)} {unit}"
    return f"{number(size / 1e3)} kB"
