"""Train the default: heads on a frozen encoder, from the corpus, from a user's rows, or from both.

| step | where |
| --- | --- |
| rows to examples | `examples.training_examples_of_rows` |
| examples to vectors, and vectors to heads | `fit_heads` |
| first from the corpus, with its held-out rows | `fit_corpus.fit_on_corpus` |
| then towards the user's rows, by a chosen penalty | `adapt_heads.adapt_to_own`, `fit_penalty` |
| from the corpus too: which phrases reasons mask | `fit_drops` |
| what a probability means | `calibration` |
| how good the heads are, and at what cost elsewhere | `evidence`, `fixed_set` |
| the folder, with its card | `write_heads`, `model_card` |
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from tipclassify.corpus.rows import Row
from tipclassify.model.encoder.scoring import EncoderScorer
from tipclassify.progress import Progress
from tipclassify.training.adapt_heads import adapt_to_own
from tipclassify.training.examples import training_examples_of_rows
from tipclassify.training.fit_corpus import fit_on_corpus
from tipclassify.training.fit_heads import HeadSettings, load_encoder_to_fit_heads
from tipclassify.training.trained import Trained
from tipclassify.training.write_heads import write_adapted_heads, write_fitted_heads

__all__ = ["train_default"]


def train_default(
    corpus: Sequence[Row],
    own: Sequence[Row],
    out: str | os.PathLike[str],
    *,
    start: str | os.PathLike[str] | None = None,
    settings: HeadSettings | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Fit the heads of the default on the corpus, then on the user's rows, and write the model.

    `start` is the model with the frozen encoder and the heads in use, the shipped default if
    omitted. With a `corpus` the heads are first fitted on it, from those of the fine-tuning. The
    user's rows, `own`, then move them, held close by a penalty. Raises `ModelError` when `start` is
    no encoder, `ValueError` when no row has a label, or too few can be held out.
    """
    settings = settings or HeadSettings()
    scorer = load_encoder_to_fit_heads(start)
    if not any(row["labels"] for row in (*corpus, *own)):
        raise ValueError("no passage has a label: nothing to learn; label some")
    if not corpus:
        adapted = adapt_to_own(scorer, training_examples_of_rows(own), settings, progress)
        return write_adapted_heads(out, adapted, own, settings)
    fitted = fit_on_corpus(scorer, corpus, settings, progress)
    if not own:
        return write_fitted_heads(out, fitted, scorer.model, settings)
    adapted = adapt_to_own(
        EncoderScorer(fitted.model), training_examples_of_rows(own), settings, progress
    )
    return write_adapted_heads(out, adapted, own, settings, fitted=fitted)
