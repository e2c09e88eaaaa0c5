"""The fixed set: held-out passages on which every training is measured, without their words.

Some 2,000 passages of real reports, evenly over the families of reports, and 400 invented ones. All
were held out of the shipped models (`corpus.holdout`). A model's folder has their pooled vectors,
labels and keys, so that a training anywhere can set the new model beside the one it started from.

The folder keeps two more files for the next training, which scoring never reads: the second moment
of the corpus's vectors, by which the distance of new heads is measured, and the keys of the
passages learned.
"""

from __future__ import annotations

import hashlib
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from tipclassify.arrays import Bools, Floats, Ints, Vectors
from tipclassify.corpus.holdout import TAUGHT, pack_taught, source_family
from tipclassify.corpus.rows import Row, row_key
from tipclassify.errors import ModelError
from tipclassify.evaluation.bootstrap import ModelComparison, compare, comparison_table
from tipclassify.formatting import format_figure
from tipclassify.labels import LABELS
from tipclassify.model.encoder.files import EncoderModel
from tipclassify.model.folder import read_arrays
from tipclassify.training.examples import (
    bootstrap_groups,
    kinds_of_rows,
    label_matrix,
    passages_stood_for,
)

_REAL: Final = 2_000  # passages of real reports; with the invented ones under 2 MB of vectors
_INVENTED: Final = 400
_INVENTED_FAMILY: Final = "invented"
_REAL_PART: Final = "real passages"
_INVENTED_PART: Final = "invented passages"
_FIXED: Final = "fixed.npz"
_MOMENT: Final = "moment.npz"


@dataclass(frozen=True)
class FixedSet:
    """Held-out passages by their pooled vectors, as arrays of one length n."""

    pooled: Vectors  # (n, width), of 16 bits in the file
    y_true: Bools  # (n, labels)
    keys: npt.NDArray[np.bytes_]  # (n,), of `fixed_key`
    families: npt.NDArray[np.bytes_]  # (n,), of `kinds_of_rows`; b"invented"
    groups: Ints  # (n,), countries and documents
    stood_for: Floats  # (n,), passages of whole reports; 0 for none

    @property
    def real(self) -> Bools:
        """Mask of the passages of real reports, bool (n,)."""
        return np.asarray(self.families != _INVENTED_FAMILY.encode())

    @classmethod
    def of(cls, rows: Sequence[Row], pooled: Vectors) -> FixedSet:
        """Make the fixed set of `rows`, those of `fixed_rows`, with their pooled vectors."""
        families = [kind or _INVENTED_FAMILY for kind in kinds_of_rows(rows)]
        return cls(
            pooled=pooled.astype(np.float16).astype(np.float32),  # as they come back from the file
            y_true=label_matrix(rows),
            keys=np.array([fixed_key(row) for row in rows], "S16"),
            families=np.array(families, "S16"),
            groups=bootstrap_groups(rows),
            stood_for=passages_stood_for(rows),
        )

    def take(self, chosen: Bools) -> FixedSet:
        """Return the passages of a mask, bool (n,)."""
        return FixedSet(**{name: values[chosen] for name, values in vars(self).items()})

    def without(self, rows: Sequence[Row]) -> FixedSet:
        """Return the set less the passages among `rows`, which are to be learned."""
        known = {fixed_key(row).encode() for row in rows}
        return self.take(np.array([key not in known for key in self.keys.tolist()], bool))

    def compare(self, after: Bools, before: Bools, seed: int = 0) -> FixedComparison:
        """Set the labels that a new model gives, bool (n, labels), beside those before."""
        real = self.real
        parts = {}
        for name, chosen in ((_REAL_PART, real), (_INVENTED_PART, ~real)):
            if chosen.any():
                parts[name] = compare(
                    self.y_true[chosen],
                    after[chosen],
                    before[chosen],
                    self.groups[chosen],
                    seed=seed,
                )
        return FixedComparison(
            parts=parts,
            real_passages=int(real.sum()),
            invented_passages=int((~real).sum()),
            false_tags=false_tag_rate(self.y_true[real], after[real]),
            false_tags_before=false_tag_rate(self.y_true[real], before[real]),
        )


def fixed_rows(rows: Sequence[Row]) -> list[int]:
    """Choose the fixed set among held-out rows: their numbers, evenly over the families.

    The choice goes by the passages' own keys: a growing corpus keeps most of its fixed set.
    """
    members: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    for number, row in enumerate(rows):
        family = source_family(row.get("doc")) or _INVENTED_FAMILY
        members[family].append((fixed_key(row), number))
    invented = sorted(members.pop(_INVENTED_FAMILY, []))[:_INVENTED]
    chosen = [number for _, number in invented]
    left = _REAL
    # The smallest families first: what they lack goes to the larger ones.
    by_size = sorted(members.values(), key=len)
    for position, family_members in enumerate(by_size):
        share = min(len(family_members), left // (len(by_size) - position))
        chosen += [number for _, number in sorted(family_members)[:share]]
        left -= share
    return sorted(chosen)


def fixed_key(row: Row) -> str:
    """Return the key of a passage under its heading: 16 hex digits of a SHA-256.

    >>> fixed_key({"text": "Courts  slept."}) == fixed_key({"text": "courts slept."})
    True
    """
    text = "\n".join(row_key(row))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def false_tag_rate(y_true: Bools, y_pred: Bools) -> float:
    """Compute the share of passages without a label that get one; NaN if each has a label."""
    empty = ~y_true.any(axis=1)
    return float(y_pred[empty].any(axis=1).mean()) if empty.any() else float("nan")


@dataclass(frozen=True)
class FixedComparison:
    """A new model beside the one it started from, on the fixed set."""

    parts: Mapping[str, ModelComparison]  # of the real and the invented passages, if there are any
    real_passages: int
    invented_passages: int
    # share of real passages without a label that the new model tags; NaN for none
    false_tags: float
    false_tags_before: float
    # whether its passages also chose the penalty by which the heads were moved
    chose_penalty: bool = False

    def worse(self) -> str:
        """Say where the new model's macro-F1 is lower by more than chance; empty for nowhere."""
        for name, part in self.parts.items():
            macro_f1 = part.differences[0]
            if macro_f1.interval.high < 0:
                return f"macro-F1 {macro_f1.difference:+.3f} {macro_f1.interval} on {name}"
        return ""

    def table(self) -> str:
        """Format as aligned plain text: a table for each part, then what was measured."""
        counts = {_REAL_PART: self.real_passages, _INVENTED_PART: self.invented_passages}
        blocks = []
        for name, part in self.parts.items():
            title = f"on {counts[name]:,} {name} of the fixed set, learned by neither model"
            blocks.append(f"{title}\n{comparison_table(part, 'the model before')}")
            if name == _REAL_PART:
                rate = format_figure(self.false_tags, ".1%")
                before = format_figure(self.false_tags_before, ".1%")
                blocks[-1] += f"\nfalse alarms {rate}, before {before}"
        if not self.real_passages:
            missing = "real passages: not measured, their words are not here"
            remedy = "in a clone, 'tipclassify corpus rebuild data/real' fetches them"
            blocks.append(f"{missing} ({remedy})")
        if self.chose_penalty:
            blocks.append(
                "these passages also chose the penalty: the differences flatter the new model a little"
            )
        return "\n\n".join(blocks)


# --------------------------------------------------------------------- files for the next training


def pack_fixed(fixed: FixedSet) -> bytes:
    """Write the arrays of a fixed set as the bytes of an ``.npz`` file."""
    packed = io.BytesIO()
    np.savez(
        packed,
        pooled=fixed.pooled.astype(np.float16),
        labels=fixed.y_true.astype(np.uint8),
        keys=fixed.keys,
        families=fixed.families,
        groups=fixed.groups.astype(np.int32),
        stood_for=fixed.stood_for.astype(np.float32),
    )
    return packed.getvalue()


def read_fixed(data: bytes, width: int) -> FixedSet:
    """Read a fixed set for heads of `width`; raise `ModelError` when it is none."""
    what = f"a fixed set of vectors of {width} numbers"
    names = ["pooled", "labels", "keys", "families", "groups", "stood_for"]
    arrays = read_arrays(Path(_FIXED), data, names, what)
    count = len(arrays["keys"]) if arrays["keys"].ndim == 1 else -1
    shapes = {"pooled": (count, width), "labels": (count, len(LABELS))}
    if any(arrays[name].shape != shapes.get(name, (count,)) for name in names):
        raise ModelError(f"{_FIXED}: not {what}; train or get the model anew")
    return FixedSet(
        pooled=arrays["pooled"].astype(np.float32),
        y_true=arrays["labels"].astype(bool),
        keys=arrays["keys"],
        families=arrays["families"],
        groups=arrays["groups"].astype(np.int64),
        stood_for=arrays["stood_for"].astype(np.float64),
    )


def unlearned_fixed_set(
    model: EncoderModel, texts: Sequence[str], headings: Sequence[str | None]
) -> FixedSet | None:
    """Read a model's fixed set, less the passages to be learned; None for a model without."""
    if _FIXED not in model.training_files:
        return None
    fixed = read_fixed(model.training_files[_FIXED], model.heads.weights.shape[1])
    pairs = zip(texts, headings, strict=True)
    return fixed.without([{"text": text, "section": heading} for text, heading in pairs])


def read_second_moment(model: EncoderModel) -> Floats | None:
    """Read the second moment of the corpus's vectors; None for a model without."""
    if _MOMENT not in model.training_files:
        return None
    data = model.training_files[_MOMENT]
    moment = read_arrays(Path(_MOMENT), data, ["moment"], "a moment")["moment"]
    size = model.heads.weights.shape[1] + 1
    if moment.shape != (size, size) or not np.isfinite(moment).all():
        raise ModelError(f"{_MOMENT}: not a matrix of {size} rows; train or get the model anew")
    return np.asarray(moment, np.float64)


def pack_training_files(
    fixed: FixedSet, moment: Floats, texts: Sequence[str], before: EncoderModel | None = None
) -> dict[str, bytes]:
    """Pack the three files; `texts` were learned, beside those that the model `before` learned."""
    packed = io.BytesIO()
    np.savez(packed, moment=moment.astype(np.float32))
    earlier = before.training_files if before else {}
    return {
        _FIXED: pack_fixed(fixed),
        _MOMENT: packed.getvalue(),
        TAUGHT: pack_taught(texts, earlier.get(TAUGHT, b"")),
    }


def add_taught(model: EncoderModel, texts: Sequence[str]) -> dict[str, bytes]:
    """Return a model's training files, with the keys of further texts that its heads learn."""
    files = dict(model.training_files)
    files[TAUGHT] = pack_taught(texts, files.get(TAUGHT, b""))
    return files
