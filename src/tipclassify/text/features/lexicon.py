"""Map words to semantic classes: actors, acts, polarity, hardship.

Classes let a linear model generalise to words that the corpus lacks: "inspectors", "the tribunal" and "border guards"
are all organs of a state. The classes are in ``lexicon.txt``, without countries.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

__all__ = ["ACTORS", "CLASSES", "CUES", "GEOGRAPHIC", "IMPERATIVES", "MAX_SCOPE", "PHRASES", "SHIFTERS", "class_of"]

_LINES: Final = Path(__file__).with_suffix(".txt").read_text("utf-8").splitlines()
_TEXT: Final = " ".join(line for line in _LINES if not line.startswith("#"))
_TABLE: Final = dict(re.findall(r"(\w+): ([^:]+)(?= \w+:|$)", _TEXT))

CLASSES: Final[tuple[str, ...]] = tuple(_TABLE)

CUES: Final = ("neg", "limit", "decline", "increase", "modal", "plan", "adequate")
"""Scope cues: classes whose words modify the words that follow."""

MAX_SCOPE: Final = 7
"""Maximum scope of a cue, in tokens; it ends earlier at the end of the clause or the next cue of the class."""

SHIFTERS: Final = ("neg", "limit", "modal", "plan")
"""Polarity shifters: classes that change the meaning of a whole clause."""

ACTORS: Final = ("un_ngo", "state", "official", "trafficker", "private", "victim", "people")
"""Classes of actors."""

# Ordinary words that are also parts of place names: capitalised inside a sentence, they belong to the name.
GEOGRAPHIC: Final[frozenset[str]] = frozenset(
    """republic islands island north south east west northern southern eastern western central new united kingdom
    democratic people peoples saint st san santa states great upper lower federation federated emirates arab arabia
    coast ivory cape verde territory territories minor outlying isle ocean bay gulf river lake mount port city
    sea papua guinea bosnia holy see british french dutch american african virgin dominican hong kong sar
    sultanate commonwealth plurinational bolivarian islamic socialist hashemite duchy grand principality
    rica leone sierra costa salvador lanka marino turkey china jordan chad mali niger georgia man dem rep
    turks caicos cook heard keeling""".split()
)

# Verbs that open a recommendation: a sentence that begins with one requests an act, it does not report one.
IMPERATIVES: Final[frozenset[str]] = frozenset(
    """abolish accede adopt allocate allow amend appoint approve arrest assess assign assist bring broaden build
    bolster cease clarify close collaborate collect combat complete conduct consider continue convict cooperate
    coordinate create criminalize dedicate define delay deploy designate develop devote direct discontinue dismantle
    disseminate distinguish eliminate empower enable encourage end enforce engage enhance enact ensure equip
    eradicate establish exempt expand expedite explore extend facilitate finalize follow formalize foster free fully
    fund give grant guarantee guide halt hire hold identify impose implement improve include incorporate increase
    inform initiate inspect institute institutionalize intensify introduce investigate issue join keep launch
    license lift maintain make mandate meet monitor move offer open order organize penalize permit place prepare
    prevent prioritize proceed produce prohibit promote promulgate prosecute protect provide publicize publish
    punish pursue raise ratify reach recognize recruit redouble reduce refer reform refrain register regulate
    reinforce release remove repeal replace report require resume review revise safeguard sanction screen seek
    sentence set share sign speed staff standardize step stop strengthen submit support suspend sustain take target
    tighten track train transfer translate treat undertake update upgrade use work""".split()
)


def _parse() -> tuple[dict[str, int], dict[str, int], dict[tuple[str, str], int]]:
    """Return the class numbers of words, prefixes and two-word entries."""
    words: dict[str, int] = {}
    stems: dict[str, int] = {}
    phrases: dict[tuple[str, str], int] = {}
    for number, entries in enumerate(_TABLE.values(), 1):
        for entry in entries.split():
            first, joined, second = entry.partition("_")
            if joined:
                phrases.setdefault((first, second), number)
            elif entry.endswith("-"):
                stems.setdefault(entry[:-1], number)
            else:
                words.setdefault(entry, number)
    return words, stems, phrases


_WORDS, _STEMS, PHRASES = _parse()
_LONGEST: Final = max(map(len, _STEMS))


def class_of(word: str) -> int:
    """Return the class number of a lower-case word: 1 for ``CLASSES[0]`` and so on, 0 for none.

    >>> CLASSES[class_of("investigations") - 1], class_of("the")
    ('justice', 0)
    """
    if word in _WORDS:
        return _WORDS[word]
    beginnings = (word[:length] for length in range(min(len(word), _LONGEST), 2, -1))
    return next((_STEMS[beginning] for beginning in beginnings if beginning in _STEMS), 0)
