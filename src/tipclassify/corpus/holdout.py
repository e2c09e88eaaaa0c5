"""Hold rows out of every training that ships: whole countries of real reports, whole groups of invented passages.

One rule for the encoder, its heads and the fast model, so that what is reported of each was measured on documents that none of
them saw. The rule reads the row alone: a corpus that grows keeps its held-out rows.

Labelled real passages are not in natural proportions: most were chosen for being hard. `natural_weights` says how many passages of
whole reports each stands for, by where a model's scores put it (post-stratification, Little 1993, JASA 88:1001-1012).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.corpus.loading import Row, group_rows

__all__ = ["document_country", "held_out", "is_real", "natural_shares", "natural_weights", "source_family"]

_ONE_IN: Final = 10
_REAL: Final = re.compile(r"(hrr|dol|factbook)(?:-\w+)?(?:/|$)")
_EDGES: Final = (0.01, 0.03, 0.1, 0.3, 0.6, 0.9)  # of a passage's highest probability


def source_family(doc: str | None) -> str | None:
    """Family of reports that a document is of: "hrr", "dol" or "factbook"; None for an invented one.

    >>> source_family("dol-pdf/Chad.pdf"), source_family("narra-karvonia")
    ('dol', None)
    """
    found = _REAL.match(doc or "")
    return found[1] if found else None


def is_real(row: Row) -> bool:
    """Whether a row is a passage of a real report, by the document that it names."""
    return source_family(row.get("doc")) is not None


def document_country(doc: str) -> str:
    """The country of a real document, folded; of a World Factbook row, which names none, the row.

    >>> document_country("hrr/2017/the-gambia.html"), document_country("dol-pdf/Gambia, The.pdf")
    ('gambia', 'gambia')
    """
    if doc.startswith("factbook"):
        return doc
    name = re.sub(r"\.(html|pdf)$", "", PurePosixPath(doc).name).lower()
    return re.sub(r"[^a-z]", "", name.replace("the", ""))


def held_out(rows: Sequence[Row]) -> npt.NDArray[np.bool_]:
    """Rows that teach nothing and measure, bool (n,): one country, or one group, in ten."""
    others = [row for row in rows if not is_real(row)]
    firsts = (others[i] for i in group_rows(others))
    keys = []
    for row in rows:
        first = row if is_real(row) else next(firsts)
        keys.append(document_country(str(row["doc"])) if is_real(row) else str(first.get("doc") or first["id"]))
    return np.array([int(hashlib.md5(key.encode()).hexdigest(), 16) % _ONE_IN == 0 for key in keys], bool)


def natural_shares(families: Sequence[str], scores: npt.NDArray[np.float64]) -> dict[str, list[float]]:
    """Share of the passages of each family whose highest probability lies in each bin, in natural proportions.

    One passage more is counted in each bin (Laplace): none is empty for all that so many passages can tell.

    Parameters
    ----------
    families : sequence of str (n,)
        Of unlabelled passages that were drawn without looking at them.
    scores : float (n, 3)
    """
    place, family = _bins(scores), np.array(families)
    return {
        name: (counts / counts.sum()).tolist()
        for name in sorted(set(families))
        for counts in [np.bincount(place[family == name], minlength=len(_EDGES) + 1) + 1]
    }


def natural_weights(
    families: Sequence[str], scores: npt.NDArray[np.float64], shares: Mapping[str, Sequence[float]]
) -> npt.NDArray[np.float64]:
    """How much each labelled passage counts, float (n,), mean 1 in each family: its bin's natural share over its share here.

    A bin with no passage here is left out of account; a family without shares counts as it is.
    """
    place, family = _bins(scores), np.array(families)
    weights = np.ones(len(place))
    for name in set(families) & set(shares):
        mine = family == name
        here = np.bincount(place[mine], minlength=len(_EDGES) + 1) / mine.sum()
        ratio = np.divide(np.array(shares[name]), here, out=np.zeros(len(here)), where=here > 0)
        weights[mine] = ratio[place[mine]]
        weights[mine] /= max(weights[mine].mean(), 1e-12)
    return weights


def _bins(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    return np.asarray(np.searchsorted(np.array(_EDGES), scores.max(axis=1), side="right"), np.int64)
