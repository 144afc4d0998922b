# SPDX-License-Identifier: MIT
"""Medians and spreads, and the rows of the table of bars."""

from statistics import median


def spread(values):
    """What a cell of a table says of several measurements: their median, least and greatest."""
    return {"median": median(values), "low": min(values), "high": max(values), "n": len(values),
            "values": list(values)}


def ratios(with_it, without):
    """Of pairs taken in one round."""
    return [w / wo for w, wo in zip(with_it, without)]


def row(what, values, unit, limit=None, note="", judged="median"):
    """A result; where it has a bar, its `judged` (median, or high) may not be above `limit`."""
    result = {"what": what, "unit": unit, "limit": limit, "note": note, **spread(values)}
    result["reached"] = None if limit is None else result[judged] <= limit
    return result
