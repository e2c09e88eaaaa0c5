"""Text that fits: how wide it is in the font that matplotlib brings, and where it has to be cut."""

from __future__ import annotations

__all__ = ["fit_text", "measure_text"]


def measure_text(text: str, size: float) -> float:
    """Inches that a text takes."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    return float(text_to_path.get_text_width_height_descent(text, FontProperties(size=size), ismath=False)[0]) / 72


def fit_text(text: str, inches: float, size: float, lines: int = 1) -> str:
    """The text on so many lines of that width, with an ellipsis where it had to be cut."""
    whole = measure_text(text, size)
    if whole <= inches:
        return text
    if lines > 1:
        words = text.split()
        for kept in range(len(words) - 1, 0, -1):
            first = " ".join(words[:kept])
            if measure_text(first, size) <= inches:
                return f"{first}\n{fit_text(' '.join(words[kept:]), inches, size, lines - 1)}"
    kept = min(len(text), int(len(text) * inches / whole) + 5)
    while kept > 2 and measure_text(f"{text[:kept]}…", size) > inches:
        kept -= 1
    tail = kept // 3  # file names differ at their ends
    return f"{text[: kept - tail]}…{text[len(text) - tail :]}"
