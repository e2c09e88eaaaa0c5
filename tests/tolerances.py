"""How far the shipped encoder may be from what another machine stored; the one place that says so.

What is stored (rates, probabilities, printed figures) was made on one processor. Measured on 15,604
passages, of the behaviour cases and of real reports, with AVX-512, AVX2 and SSE4.2, and under two
versions of ONNX Runtime (docs/contributing/models.md, "The same bytes"): most scores differ in the
seventh digit, one in four by more than 0.01 log-odds, one in a thousand by 0.8, none by more than
1.2; no probability by more than 0.20; the tags of 7 in 10,000 passages turn.

`fast` is exact everywhere but for the last bit of `exp`: it adds integers.
"""

from __future__ import annotations

import re
from difflib import ndiff

from tipclassify.model.encoder.scoring import EncoderScorer

PROBABILITY = EncoderScorer.rounding
"""Largest difference of a probability: the one that ``verify`` and ``check`` take for rounding."""

LOG_ODDS = 2.5
"""Largest difference of a weight in an explanation, which is one score less another."""

TURNED = 0.003
"""Largest share of many cases whose tags turn."""

TURNED_OF_RULE = 0.02
"""Largest share of the cases of one rule that turn, but two may in any."""

_NUMBER = re.compile(r"[+-]?\d[\d,]*(?:\.\d+)?%?")
# of an explanation: of words that weigh nearly the same another may be shown
_WEIGHT = re.compile(r"^( +[+-]\d+\.\d{3}  )\S+$", re.MULTILINE)
_NO_TABLE_ROWS = re.compile(r",? and beside them \d+ table rows?")


def most_turned(cases: int) -> int:
    """Return how many cases of one rule may turn."""
    return max(2, round(TURNED_OF_RULE * cases))


def is_near(printed: str, stored: str) -> bool:
    """Test whether two numbers as they are printed are the same, but for the processor.

    A count may differ by one case that turned, a weight (it has a sign) by two scores' moves.

    >>> is_near("0.97", "0.94"), is_near("+1.20", "+0.70"), is_near("14", "13"), is_near("14", "12")
    (True, True, True, False)
    """
    one, other = (float(number.strip("%").replace(",", "")) for number in (printed, stored))
    if printed.endswith("%"):
        return abs(one - other) <= 100 * PROBABILITY
    if "." not in printed + stored:
        return abs(one - other) <= 1
    if printed[0] in "+-" or stored[0] in "+-" or max(one, other) > 1:
        return abs(one - other) <= LOG_ODDS
    return abs(one - other) <= PROBABILITY


def differences(printed: str, stored: str) -> list[str]:
    """List the lines that differ, but for white space and numbers that are near.

    >>> differences("effort   0.97  Police acted.", "effort  >0.99  Police acted.")
    []
    >>> differences("failure 0.97", "complicity 0.97")
    ['- complicity 0.97', '+ failure 0.97']
    """
    lines = []
    for text in (stored, printed):
        text = _NO_TABLE_ROWS.sub("", text.replace(">0.99", "0.99"))
        lines.append(_WEIGHT.sub(r"\1(word)", text).splitlines())
    if len(lines[0]) != len(lines[1]):
        return [line for line in ndiff(*lines) if line[0] in "+-"]
    differing = []
    for old, new in zip(*lines, strict=True):
        words = [" ".join(_NUMBER.sub("#", line).split()) for line in (old, new)]
        if words[0] != words[1] or not all(
            map(is_near, _NUMBER.findall(new), _NUMBER.findall(old))
        ):
            differing += [f"- {old}", f"+ {new}"]
    return differing
