"""Plots of a model card, as SVG text of a few kilobytes: the same figures give the same bytes, and no plotting library has to be installed, pinned and kept deterministic.

Both axes of a calibration plot are logarithmic, since probabilities lie close to zero: a bin in which nothing came true is drawn on the lower edge.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from training.statistics.probabilities import CalibrationBin

WIDTH, HEIGHT, _LEFT, _TOP, _BOTTOM = 420, 320, 62, 30, 44
_BAR_HEIGHT, _BAR_LEFT, _BAR_WIDTH = 18, 210, 300
_INK, _MODEL, _GUIDE = "#222", "#1f5fa8", "#999"


@dataclass(frozen=True, kw_only=True)
class _LogScale:
    """Decades from `lowest` (a power of ten) to 1, on both axes."""

    lowest: float

    def share(self, value: float) -> float:
        return 1 - math.log10(max(value, self.lowest)) / math.log10(self.lowest)

    def x(self, value: float) -> float:
        return _LEFT + (WIDTH - _LEFT - 16) * self.share(value)

    def y(self, value: float) -> float:
        return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * self.share(value)


def draw_calibration(bins: Sequence[CalibrationBin], title: str) -> str:
    """Return realised against predicted shares by bin, with 95 % intervals and the diagonal."""
    positive = [v for b in bins for v in (b.predicted, b.realised) if v > 0]
    scale = _LogScale(lowest=10.0 ** min(-1, math.floor(math.log10(min(positive, default=0.1)))))
    parts = [_line(scale.x(scale.lowest), scale.y(scale.lowest), scale.x(1), scale.y(1), _GUIDE, "4 3")]
    decade = scale.lowest
    while decade <= 1.0000001:
        label = f"{100 * decade:g} %"
        parts.append(_text(scale.x(decade), HEIGHT - _BOTTOM + 16, label, "middle"))
        parts.append(_text(_LEFT - 6, scale.y(decade) + 4, label, "end"))
        decade *= 10
    for b in bins:
        x = scale.x(b.predicted)
        parts.append(_line(x, scale.y(b.low), x, scale.y(b.high), _MODEL))
        parts.append(f'<circle cx="{x:.1f}" cy="{scale.y(b.realised):.1f}" r="3.5" fill="{_MODEL}"/>')
    parts.append(_text(WIDTH / 2, HEIGHT - 8, "predicted", "middle"))
    parts.append(_text(10, _TOP - 12, f"realised. {title}", "start"))
    return _document(WIDTH, HEIGHT, parts)


def draw_bars(values: Mapping[str, float], marks: Sequence[float], title: str) -> str:
    """Return one horizontal bar per value, in the order given, with vertical lines at the marks."""
    most = max(*values.values(), *marks) * 1.1
    height = _TOP + _BAR_HEIGHT * len(values) + 24
    parts = [_text(10, _TOP - 12, title, "start")]
    for mark in marks:
        x = _BAR_LEFT + _BAR_WIDTH * mark / most
        parts.append(_line(x, _TOP, x, height - 20, _GUIDE, "4 3"))
        parts.append(_text(x, height - 6, f"{mark:g}", "middle"))
    for row, (name, value) in enumerate(values.items()):
        y = _TOP + _BAR_HEIGHT * row
        width = _BAR_WIDTH * value / most
        parts.append(
            f'<rect x="{_BAR_LEFT}" y="{y + 3}" width="{width:.1f}" height="{_BAR_HEIGHT - 6}" fill="{_MODEL}"/>'
        )
        parts.append(_text(_BAR_LEFT - 6, y + 13, name, "end"))
        parts.append(_text(_BAR_LEFT + width + 4, y + 13, f"{value:.3f}", "start"))
    return _document(_BAR_LEFT + _BAR_WIDTH + 60, height, parts)


def _line(x1: float, y1: float, x2: float, y2: float, color: str, dashes: str = "") -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}"{dashed}/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{_INK}">{escape(text)}</text>'


def _document(width: int, height: int, parts: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">'
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *parts, "</svg>"]) + "\n"
