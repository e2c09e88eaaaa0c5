"""The encoder's speed, for ``speed.py --encoder``: on all cores, beside the cascade and the same network in PyTorch.

Every figure is of a process of its own, and in each run one comes after the other. The network in PyTorch has drawn weights: they
do not change how long it takes. Its passages are sorted by length and batched, as ours are.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from itertools import cycle, islice
from json import dumps, loads
from pathlib import Path
from statistics import fmean
from typing import Final

from _measure import Bar, Figure, all_cores, in_turn, passages, run

PART: Final = "Encoder, all cores"
WORDS_24: Final = "passages of 24 words"
PAGES: Final = "the pages' passages"
CASCADE: Final = "cascade, the pages' passages"
FIRST: Final = "first passage, whole process"
TORCH: Final = "PyTorch, float32, passages of 24 words"
SENTENCE: Final = "The government did not convict any traffickers."

# Processes; `sys.argv` is a file of passages and a model. The benchmark itself keeps to one thread; these do not.
_FREE: Final = """
import json, os, sys, time
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ.pop(name, None)
texts = json.load(open(sys.argv[1], encoding="utf-8"))
"""
_OURS: Final = (
    _FREE
    + """
from tipclassify import Classifier
classifier = Classifier.load(sys.argv[2])
classifier.predict_proba(texts[:50])
start = time.perf_counter()
classifier.predict_proba(texts)
print(len(texts) / (time.perf_counter() - start))
"""
)
_TORCH: Final = (
    _FREE
    + """
import torch
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel
torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
tokenizer = Tokenizer.from_file(sys.argv[2])
tokenizer.no_padding()
tokenizer.enable_truncation(128)
network = BertModel(BertConfig(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536)).eval()
head = torch.nn.Linear(384, 3)

def score(texts):
    rows = sorted((row.ids for row in tokenizer.encode_batch(texts)), key=len)
    for first in range(0, len(rows), 32):
        batch = rows[first : first + 32]
        width = max(map(len, batch))
        ids = torch.tensor([row + [0] * (width - len(row)) for row in batch])
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in batch])
        head(network(input_ids=ids, attention_mask=mask)[0].mean(1))

with torch.inference_mode():
    score(texts[:50])
    start = time.perf_counter()
    score(texts)
print(len(texts) / (time.perf_counter() - start))
"""
)
_FIRST: Final = f"import sys; from tipclassify import classify; classify({SENTENCE!r}, model=sys.argv[1])"


def encoder_figures(model: str, pages: Sequence[Path], count: int, runs: int, folder: Path) -> list[Figure]:
    """Passages a second of an encoder and its cascade on the passages of `pages`, and the time to a first passage."""
    from tipclassify.loading import load_scorer, source_of

    source = source_of(model)
    cascade = f"cascade:{source.folder}"
    found = _page_passages(pages)
    texts = list(islice(cycle(found), count))
    report, long = folder / "report.json", folder / "long.json"
    report.write_text(dumps(texts), "utf-8")
    long.write_text(dumps(list(islice(passages(5), count))), "utf-8")
    calls = {
        WORDS_24: partial(_rate, _OURS, long, source.folder),
        PAGES: partial(_rate, _OURS, report, source.folder),
        CASCADE: partial(_rate, _OURS, report, cascade),
        FIRST: lambda: run(sys.executable, "-c", _FIRST, source.folder).seconds,
    }
    torch = find_spec("torch") and find_spec("transformers")
    if torch:
        calls[TORCH] = partial(_rate, _TORCH, long, source.folder / "tokenizer.json")
    with all_cores() as cores:
        calls[FIRST]()  # files into the system's cache
        took = in_turn(calls, runs)
    bars = {WORDS_24: Bar(350, at_most=False), FIRST: Bar(1.5)}
    figures = [
        Figure(PART, name, "s" if name == FIRST else "passages/s", samples, bar=bars.get(name))
        for name, samples in took.items()
    ]

    def to(above: str, below: str) -> tuple[float, ...]:
        return tuple(a / b for a, b in zip(took[above], took[below], strict=True))

    bar = Bar(3, at_most=False)
    figures.append(Figure(PART, "cascade to encoder", "×", to(CASCADE, PAGES), bar=bar))
    if torch:
        figures.append(Figure(PART, "encoder to PyTorch", "×", to(WORDS_24, TORCH), bar=bar))
    else:
        figures.append(Figure(PART, "encoder to PyTorch", "×", note="not installed: `pip install torch transformers`"))
    sent = load_scorer(cascade).sent_on(texts)
    counted = {"cores": float(cores), "words a passage of the pages": fmean(len(text.split()) for text in found)}
    counted |= {"share that the cascade sends on": float("nan") if sent is None else float(sent.mean())}
    return figures + [Figure(PART, name, "", (value,)) for name, value in counted.items()]


def _rate(code: str, texts: Path, model: object) -> float:
    return float(loads(run(sys.executable, "-c", code, texts, model).stdout))


def _page_passages(pages: Sequence[Path]) -> list[str]:
    from tipclassify.readers import read_report
    from tipclassify.segment import split_passages

    return [passage.text for page in pages for passage in split_passages(read_report(str(page)))]
