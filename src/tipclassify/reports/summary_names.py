"""Names of the groups and totals of a summary, as tables, charts and descriptions show them."""

from __future__ import annotations

from tipclassify.reports.dimensions import Name, shown_dimension_name
from tipclassify.reports.summary import Summary

__all__ = ["dimension_names", "shorten_group_name", "summary_group_names", "summary_total_names"]


def summary_group_names(summary: Summary) -> list[str]:
    """Name each group by its values of all dimensions."""
    names_by_place = [dimension_names(summary, place) for place in range(len(summary.by))]
    names = []
    for group in summary.groups:
        parts = [shown[name] for shown, name in zip(names_by_place, group.key, strict=True)]
        names.append(" · ".join(parts))
    return names


def summary_total_names(summary: Summary) -> list[str]:
    """Name the total, or that of each publication."""
    return [
        f"total, {shown_dimension_name(total.key[0], 'publication')}" if total.key else "total"
        for total in summary.shown_totals
    ]


def dimension_names(summary: Summary, place: int) -> dict[Name, str]:
    """Make the display names of the values of a dimension, by its place in the keys."""
    dimension = summary.by[place]
    if dimension == "file":
        return {
            file: shown_dimension_name(name, dimension) for file, name in summary.file_names.items()
        }
    names = {group.key[place] for group in summary.groups}
    return {name: shown_dimension_name(name, dimension) for name in names}


def shorten_group_name(name: str, width: int = 40) -> str:
    """Shorten a name in the middle: file names differ at their ends.

    >>> shorten_group_name("reports of many years/karvonia-2024.html", 20)
    'reports of ma…4.html'
    """
    if len(name) <= width:
        return name
    end = width // 3
    return f"{name[: width - end - 1]}…{name[-end:]}"
