"""``tipclassify info``: which model this is."""

from __future__ import annotations

from typing import Any

from tipclassify.cli.options import ModelOption, OutputOption

__all__ = ["info"]


def info(model: ModelOption = None, output: OutputOption = None) -> None:
    """Describe a model: what it was trained on, with what, and its thresholds."""
    from tipclassify._version import __version__
    from tipclassify.cli.output import open_output
    from tipclassify.labels import LABELS, POLICIES
    from tipclassify.model.classifier import Classifier
    from tipclassify.model.loading import model_folder

    folder = model_folder(model)
    found = Classifier.load(folder)
    meta: dict[str, Any] = dict(found.meta)
    corpus = meta.get("corpus", {})
    lines = {
        "tipclassify": __version__,
        "model": str(folder),
        "model hash": meta["sha256"],
        "labels": ", ".join(LABELS),
        **found.scorer.about(),
        "corpus": f"{corpus.get('passages', '?')} passages, hash {corpus.get('sha256', 'not recorded')}",
        "trained with": ", ".join(f"{name} {version}" for name, version in meta.get("versions", {}).items()),
        "macro-F1": f"{meta.get('metrics', {}).get('macro_f1', '?')} ({found.scorer.measured})",
        **{
            f"thresholds, {policy}": ", ".join(
                f"{label} {t:.3f}" for label, t in zip(LABELS, found.thresholds(policy).tolist(), strict=True)
            )
            for policy in POLICIES
        },
    }
    width = max(map(len, lines)) + 2
    with open_output(output) as out:
        for name, value in lines.items():
            out.write(f"{name.ljust(width)}{value}\n")
