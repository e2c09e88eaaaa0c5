"""``tipclassify info``: describe a model."""

from __future__ import annotations

from typing import Any

from tipclassify._version import __version__
from tipclassify.cli import options
from tipclassify.cli.output import write_text
from tipclassify.formatting import aligned


def info(model: options.Model = None, output: options.Output = None) -> None:
    """Describe a model: its training data, versions, metrics and thresholds."""
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
    }
    for policy in POLICIES:
        limits = zip(LABELS, found.thresholds(policy).tolist(), strict=True)
        lines[f"thresholds, {policy}"] = ", ".join(f"{label} {limit:.3f}" for label, limit in limits)
    write_text(output, "\n".join(aligned(list(lines.items()), left=2)))
