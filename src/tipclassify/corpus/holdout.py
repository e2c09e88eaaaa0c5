"""Choose the held-out rows of shipped models.

Held out are whole countries of real reports, and whole groups of invented passages.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.arrays import Bools
from tipclassify.corpus.rows import Row, group_rows
from tipclassify.records import key

_ONE_IN: Final = 10
_FAMILIES: Final = {
    "hrr": "hrr",
    "dol": "dol",  # unlabelled passages of the same reports as dol-pdf
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

REPORT_FAMILIES: Final = ("hrr", "dol", "factbook")
"""Families of reports on countries; the others are of other genres."""

_OTHER_VOICES: Final = "voices"  # source of the invented passages of other genres


def source_family(doc: str | None) -> str | None:
    """Return the report family of a real document, such as "hrr"; None for an invented one.

    >>> source_family("dol-pdf/Togo.pdf")
    'dol'
    >>> source_family("un-debate/Session 71 - 2016/GMB_71_2016.txt")
    'un'
    """
    return _FAMILIES.get((doc or "").partition("/")[0])


def is_real(row: Row) -> bool:
    """Return whether a row is a passage of a real report, by its ``doc``."""
    return source_family(row.get("doc")) is not None


def is_other_genre(row: Row) -> bool:
    """Return whether a row is of another genre than reports on countries, real or invented."""
    family = source_family(row.get("doc"))
    if family is None:  # invented
        return row.get("source") == _OTHER_VOICES
    return family not in REPORT_FAMILIES


def holdout_country(doc: str) -> str:
    """Return the normalised country of a real document; else `doc` itself.

    >>> holdout_country("hrr/2017/the-gambia.html"), holdout_country("dol-pdf/Gambia, The.pdf")
    ('gambia', 'gambia')
    >>> holdout_country("treasury/press-releases/2015-09-29-jl0188.md")
    'treasury/press-releases/2015-09-29-jl0188.md'
    """
    if not doc.startswith(_OF_COUNTRIES):
        return doc
    name = re.sub(r"\d*\.(html|pdf|txt)$", "", PurePosixPath(doc).name).lower()
    return re.sub(r"[^a-z]", "", name.replace("the", ""))


def held_out(rows: Sequence[Row]) -> Bools:
    """Return the mask of held-out rows, bool (n,): one country, or one invented group, in ten."""
    # The rule depends on the row alone, so a growing corpus keeps its held-out rows.
    invented = [row for row in rows if not is_real(row)]
    firsts = (invented[i] for i in group_rows(invented))
    keys = []
    for row in rows:
        if is_real(row):
            keys.append(holdout_country(str(row["doc"])))
        else:
            first = next(firsts)  # the first row of its group
            keys.append(str(first.get("doc") or first["id"]))
    hashes = [int(hashlib.md5(key.encode()).hexdigest(), 16) for key in keys]
    return np.array([value % _ONE_IN == 0 for value in hashes], bool)


TAUGHT: Final = "taught.bin"
"""File of a model's folder: sorted keys, little-endian, of 32 bits."""

_KEY: Final = np.dtype("<u4")  # one text in some 60,000 is taken for one of 70,000 by chance


def pack_taught(texts: Iterable[str], before: bytes = b"") -> bytes:
    """Pack the keys of training texts, with those of the model that training started from.

    >>> packed = pack_taught(["Courts slept."])
    >>> were_taught(["courts  slept.", "Police acted."], packed).tolist()
    [True, False]
    """
    return np.union1d(_taught_keys(texts), _read_keys(before)).astype(_KEY).tobytes()


def were_taught(texts: Sequence[str], packed: bytes) -> Bools:
    """Return which texts are among the training texts of `packed`, bool (n,)."""
    return np.isin(_taught_keys(texts), _read_keys(packed))


def _taught_keys(texts: Iterable[str]) -> npt.NDArray[np.uint32]:
    """Return the first four bytes of the key of each text, as whole numbers."""
    return np.frombuffer(b"".join(bytes.fromhex(key(text)[:8]) for text in texts), _KEY)


def _read_keys(packed: bytes) -> npt.NDArray[np.uint32]:
    return np.frombuffer(packed[: len(packed) // _KEY.itemsize * _KEY.itemsize], _KEY)
