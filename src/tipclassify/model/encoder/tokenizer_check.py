"""Check a ``tokenizer.json`` before it is loaded.

Its components must take time and memory that grow with the text. The library's regular expressions
backtrack, its replacements may double a text as often as they are listed, and it looks up every
part of a word of any length: a few bytes could take hours.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, Final

__all__ = ["tokenizer_problem"]

_LONGEST_PIECE: Final = 1_000  # characters of a word of WordPiece, or of a piece of Unigram
_LONGEST_REPLACEMENT: Final = 64  # bytes that a character may become when it is normalized
_MOST_STEPS: Final = 12
_SPACES: Final = (" {2,}", r"\s+")  # regular expressions that take no longer than the text

_MODELS: Final = ("WordPiece", "WordLevel", "BPE", "Unigram")
_STEPS: Final = {
    "normalizer": (
        "Sequence BertNormalizer Lowercase NFC NFD NFKC NFKD StripAccents Strip Nmt Precompiled "
        "Prepend Replace"
    ).split(),
    "pre_tokenizer": (
        "Sequence BertPreTokenizer Whitespace WhitespaceSplit ByteLevel Metaspace Punctuation "
        "Digits"
    ).split(),
    "post_processor": (
        "Sequence TemplateProcessing BertProcessing RobertaProcessing ByteLevel"
    ).split(),
    "decoder": "Sequence WordPiece ByteLevel Metaspace BPEDecoder Fuse Strip ByteFallback".split(),
}
# where a Sequence has its steps
_INSIDE: Final = {
    "normalizer": "normalizers",
    "pre_tokenizer": "pretokenizers",
    "post_processor": "processors",
    "decoder": "decoders",
}


def tokenizer_problem(tokenizer: object) -> str | None:
    """Describe what a parsed ``tokenizer.json`` must not have; None if there is nothing.

    >>> tokenizer_problem({"model": {"type": "WordPiece"}, "pre_tokenizer": {"type": "Split"}})
    'has a pre_tokenizer that no encoder needs (Split)'
    """
    if not isinstance(tokenizer, dict):
        return "is not one"
    for part, allowed in _STEPS.items():
        seen: list[str] = []
        for step in _tokenizer_steps(tokenizer.get(part), _INSIDE[part]):
            kind = str(step.get("type")) if isinstance(step, dict) else "?"
            if not isinstance(step, dict) or kind not in allowed:
                return f"has a {part} that no encoder needs ({kind[:40]})"
            if (kind in seen and kind not in ("Replace", "Sequence")) or len(seen) > _MOST_STEPS:
                return f"has a {part} that goes on and on"
            seen.append(kind)
            if problem := _tokenizer_step_problem(kind, step):
                return f"has a {part} {problem}"
    return _tokenizer_model_problem(tokenizer.get("model"))


def _tokenizer_steps(step: object, inside: str) -> Iterator[object]:
    """Yield a step and, of a sequence, those in it, which lie under `inside`."""
    if step is None:
        return
    yield step
    if isinstance(step, dict) and step.get("type") == "Sequence":
        for inner_step in step.get(inside) or ():
            yield from _tokenizer_steps(inner_step, inside)


def _tokenizer_step_problem(
    kind: str,
    step: dict[str, Any],  # JSON, unchecked so far
) -> str | None:
    """Describe what an allowed kind of step must not do; None for a valid one."""
    if kind == "TemplateProcessing":
        texts = [piece for piece in step.get("single") or () if "Sequence" in piece]
        return None if len(texts) == 1 else "that repeats the text"
    if kind == "Prepend":
        is_long = len(str(step.get("prepend"))) > _LONGEST_REPLACEMENT
        return "that adds too much" if is_long else None
    if kind == "Replace":
        is_bounded = _is_bounded_tokenizer_step(step.get("pattern"), str(step.get("content")))
        problem = "that replaces by a regular expression, or by more than it takes away"
        return None if is_bounded else problem
    if kind == "Precompiled":
        try:
            data = base64.b64decode(step.get("precompiled_charsmap") or "", validate=True)
        except ValueError:
            return "that cannot be read"
        # The size of a trie, the trie, then the replacements, each ended by a zero.
        trie_size = int.from_bytes(data[:4], "little")
        replacements = data[4 + trie_size :].split(b"\0")
        is_long = max(map(len, replacements)) > _LONGEST_REPLACEMENT
        return "that replaces a character by too much" if is_long else None
    return None


def _is_bounded_tokenizer_step(pattern: object, content: str) -> bool:
    """Test whether a replacement is of a plain text by one as short, or of spaces by one of them.

    A single character may become up to three bytes.
    """
    if not isinstance(pattern, dict):
        return False
    if pattern.get("Regex") in _SPACES and len(content) <= 1:
        return True
    text = pattern.get("String")
    return isinstance(text, str) and len(content.encode("utf-8", "replace")) <= max(3, len(text))


def _tokenizer_model_problem(model: object) -> str | None:
    """Describe what the model of a tokenizer must not have; None if there is nothing."""
    kind = model.get("type") if isinstance(model, dict) else None
    if not isinstance(model, dict) or kind not in _MODELS:
        return f"has a model that no encoder needs ({str(kind)[:40]})"
    longest = model.get("max_input_chars_per_word", 100)
    if kind == "WordPiece" and not (isinstance(longest, int) and longest <= _LONGEST_PIECE):
        return "reads words of any length"
    if kind == "Unigram":
        pieces = model.get("vocab") or ()
        if any(
            not isinstance(piece, list) or not piece or len(str(piece[0])) > _LONGEST_PIECE
            for piece in pieces
        ):
            return "has pieces of any length"
    return None
