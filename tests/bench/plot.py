# SPDX-License-Identifier: MIT
"""Plots as SVG, by hand: bars and lines are all that the results need."""

import math
from xml.sax.saxutils import escape

COLORS = ("#2a6f97", "#c1440e", "#4c956c", "#8e6c8a", "#b8860b")
INK, GRID = "#333333", "#dddddd"
WIDTH = 820


def text(x, y, words, anchor="start", size=12):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
            f'fill="{INK}">{escape(words)}</text>')


def line(x1, y1, x2, y2, color=GRID, width=1.0, dash=""):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}" '
            f'stroke-width="{width}"' + (f' stroke-dasharray="{dash}"' if dash else "") + "/>")


def document(height, title, parts):
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" height="{height}" font-family="sans-serif" role="img">'
            f"<title>{escape(title)}</title>"
            f'<rect width="100%" height="100%" fill="white"/>')
    return "\n".join([head, text(16, 24, title, size=15), *parts, "</svg>", ""])


def number(value):
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(digits, 4)}f}".rstrip("0").rstrip(".") if digits else f"{value:.0f}"


class Scale:
    """From values to pixels, and where the ticks are."""

    def __init__(self, low, high, start, end, logarithmic):
        self.log = logarithmic
        if logarithmic:
            low = 10 ** math.floor(math.log10(low))
            high = 10 ** math.ceil(math.log10(max(high, low * 1.01)))
        self.low, self.high, self.start, self.end = low, high, start, end

    def at(self, value):
        low, high, value = (self.low, self.high, min(max(value, self.low), self.high))
        if self.log:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def ticks(self):
        if self.log:
            decades = round(math.log10(self.high / self.low))
            return [self.low * 10 ** i for i in range(decades + 1)]
        rough = (self.high - self.low) / 5
        power = 10 ** math.floor(math.log10(rough))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
        first = math.ceil(self.low / step)
        return [i * step for i in range(first, math.floor(self.high / step + 1e-9) + 1)]


def bars(title, unit, items, mark=None, logarithmic=False, most=None):
    """Horizontal bars. items: [(label, median, low, high)]; mark: (value, words); what is more
    than `most`, or less than 0, is drawn as that."""
    left, top, pitch = 400, 46, 26
    highest = most or max(high for *_, high in items) * 1.02
    lowest = min(low for _, _, low, _ in items)
    scale = Scale(lowest / 2 if logarithmic else 0, highest, left, WIDTH - 90, logarithmic)
    bottom = top + pitch * len(items)
    parts = []
    for tick in scale.ticks():
        parts += [line(scale.at(tick), top, scale.at(tick), bottom),
                  text(scale.at(tick), bottom + 16, number(tick), "middle", 11)]
    parts.append(text((left + WIDTH - 90) / 2, bottom + 34, unit, "middle"))
    for index, (label, middle, low, high) in enumerate(items):
        y = top + pitch * index
        end = scale.at(middle)
        parts += [f'<rect x="{left}" y="{y + 5}" width="{max(end - left, 1):.1f}" height="16" '
                  f'fill="{COLORS[0]}"/>', text(left - 8, y + 17, label, "end"),
                  line(scale.at(low), y + 13, scale.at(high), y + 13, INK, 1.5),
                  text(max(end, scale.at(high)) + 6, y + 17, number(middle), size=11)]
    if mark:
        x = scale.at(mark[0])
        parts += [line(x, top - 6, x, bottom, COLORS[1], 1.5, "5 3"),
                  text(x, top - 9, mark[1], "middle", 11)]
    return document(bottom + 48, title, parts)


def lines(title, x_name, y_name, series, logarithmic_y=False):
    """Over a logarithmic x axis. series: {name: [(x, median, low, high)]}."""
    left, right, top, bottom = 80, WIDTH - 30, 76, 340
    points = [point for values in series.values() for point in values]
    across = Scale(min(p[0] for p in points), max(p[0] for p in points), left, right, True)
    lowest = min(p[2] for p in points) if logarithmic_y else 0
    up = Scale(lowest, (max(p[3] for p in points) or 1) * 1.05, bottom, top, logarithmic_y)
    parts = []
    for tick in across.ticks():
        parts += [line(across.at(tick), top, across.at(tick), bottom),
                  text(across.at(tick), bottom + 16, number(tick), "middle", 11)]
    for tick in up.ticks():
        parts += [line(left, up.at(tick), right, up.at(tick)),
                  text(left - 6, up.at(tick) + 4, number(tick), "end", 11)]
    parts += [text((left + right) / 2, bottom + 36, x_name, "middle"), text(16, 46, y_name)]
    for index, (name, values) in enumerate(series.items()):
        color = COLORS[index % len(COLORS)]
        path = " ".join(f"{across.at(x):.1f},{up.at(y):.1f}" for x, y, _, _ in values)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        for x, y, low, high in values:
            parts += [line(across.at(x), up.at(low), across.at(x), up.at(high), color, 1.5),
                      f'<circle cx="{across.at(x):.1f}" cy="{up.at(y):.1f}" r="3" fill="{color}"/>']
        parts += [f'<rect x="{left + 180 * index}" y="56" width="12" height="12" fill="{color}"/>',
                  text(left + 180 * index + 17, 66, name)]
    return document(bottom + 50, title, parts)
