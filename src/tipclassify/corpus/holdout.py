"""Choose the held-out rows of shipped models: whole countries of real reports, whole groups of
invented passages."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

import numpy as np

from tipclassify.arrays import Bools, Floats, Ints
from tipclassify.corpus.loading import Row, group_rows

_ONE_IN: Final = 10
_FAMILIES: Final = {
    "hrr": "hrr",
    "dol-pdf": "dol",
    "dol-descriptions": "dol",
    "factbook": "factbook",
    "upr-reports": "un",
    "upr-recommendations": "un",
    "un-slovenia": "un",
    "un-debate": "un",
    "hansard": "parliament",
    "whitehouse": "executive",
    "treasury": "executive",
    "uscode": "statute",
    "company-statements": "company",
}  # the report family by the name before the first slash of a document
_OF_COUNTRIES: Final = ("hrr", "dol", "upr-reports")  # whose documents are named by country
_OTHER_GENRES: Final = ("un", "parliament", "executive", "statute", "company")
_OTHER_VOICES: Final = "voices"  # source of the invented passages of other genres
_EDGES: Final = (0.01, 0.03, 0.1, 0.3, 0.6, 0.9)  # bin edges of a passage's highest probability


def source_family(doc: str | None) -> str | None:
    """Return the report family of a real document, such as "hrr", "dol" or "un"; None for an
    invented one.

    >>> source_family("dol-pdf/Togo.pdf"), source_family("un-debate/Session 71 - 2016/GMB_71_2016.txt")
    ('dol', 'un')
    """
    return _FAMILIES.get((doc or "").partition("/")[0])


def is_real(row: Row) -> bool:
    """Return whether a row is a passage of a real report, by its ``doc``."""
    return source_family(row.get("doc")) is not None


def is_other_genre(row: Row) -> bool:
    """Return whether a row is of the UN, a parliament, an executive, a statute or a company,
    real or invented."""
    return source_family(row.get("doc")) in _OTHER_GENRES or row.get("source") == _OTHER_VOICES


def document_country(doc: str) -> str:
    """Return the normalised country of a real document; `doc` itself where documents are not named
    by country.

    >>> document_country("hrr/2017/the-gambia.html"), document_country("dol-pdf/Gambia, The.pdf")
    ('gambia', 'gambia')
    >>> document_country("treasury/press-releases/2015-09-29-jl0188.md")
    'treasury/press-releases/2015-09-29-jl0188.md'
    """
    if not doc.startswith(_OF_COUNTRIES):
        return doc
    name = re.sub(r"\d*\.(html|pdf|txt)$", "", PurePosixPath(doc).name).lower()
    return re.sub(r"[^a-z]", "", name.replace("the", ""))


def held_out(rows: Sequence[Row]) -> Bools:
    """Return the mask of held-out rows, bool (n,): one country in ten, or one group in ten of
    invented rows."""
    # The rule depends on the row alone, so a growing corpus keeps its held-out rows.
    others = [row for row in rows if not is_real(row)]
    firsts = (str(others[i].get("doc") or others[i]["id"]) for i in group_rows(others))
    keys = (document_country(str(row["doc"])) if is_real(row) else next(firsts) for row in rows)
    return np.array(
        [int(hashlib.md5(key.encode()).hexdigest(), 16) % _ONE_IN == 0 for key in keys], bool
    )


def natural_shares(families: Sequence[str], scores: Floats) -> dict[str, list[float]]:
    """Estimate the share of passages in each bin of the highest probability, by family, from a
    random sample."""
    bins, family, shares = _bins(scores), np.array(families), {}
    for name in sorted(set(families)):
        # Laplace smoothing
        counts = np.bincount(bins[family == name], minlength=len(_EDGES) + 1) + 1
        shares[name] = (counts / counts.sum()).tolist()
    return shares


def natural_weights(
    families: Sequence[str], scores: Floats, shares: Mapping[str, Sequence[float]]
) -> Floats:
    """Compute post-stratification weights (Little 1993, JASA 88:1001-1012) of labelled passages,
    mean 1 in each family.

    Passages were mostly chosen for being hard: a weight is the natural share of the passage's bin
    over its share here.
    """
    bins, family = _bins(scores), np.array(families)
    weights = np.ones(len(bins))
    for name in set(families) & set(shares):
        mine = family == name
        here = np.bincount(bins[mine], minlength=len(_EDGES) + 1) / mine.sum()
        ratio = np.divide(np.array(shares[name]), here, out=np.zeros(len(here)), where=here > 0)
        weights[mine] = ratio[bins[mine]]
        weights[mine] /= max(weights[mine].mean(), 1e-12)
    return weights


def _bins(scores: Floats) -> Ints:
    return np.asarray(np.searchsorted(np.array(_EDGES), scores.max(axis=1), side="right"), np.int64)
