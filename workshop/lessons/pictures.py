"""The pictures of the notebooks, as SVG: the layers of the app, and measured latencies.

They bring their own background, so that they read well on a light and on a dark page.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape

from workshop.course.steps import Step, load_steps

FONT = "font-family=\"'Segoe UI', 'Helvetica Neue', Helvetica, Arial, sans-serif\""
INK, FAINT, LINE, ACCENT, TINT = "#1f2933", "#5f6c7b", "#c3ccd6", "#0b6e7f", "#dcedf0"
SERIES_COLOURS = ("#c2410c", "#0b6e7f", "#6d28d9", "#4d7c0f")

# From the top down. A layer knows those below it; schemas stand beside services.
LAYERS = {
    "main": "puts the layers together",
    "api": "HTTP: routes and errors",
    "services": "what the application does",
    "schemas": "what goes in and out",
    "models": "tables and their migrations",
    "db": "engine, sessions, registry",
    "core": "settings, passwords",
}
# The layers of a step.toml that have another name in the app's folders.
FOLDERS = {"database": "db", "entry point": "main"}


def layers_of(step: Step) -> set[str]:
    """The layers in which a step writes."""
    found: set[str] = set()
    for path in (*step.writes, *step.makes):
        folder = path.removesuffix(".py").removeprefix("app/").partition("/")[0]
        found.add("models" if folder == "alembic" else folder)
    return found & set(LAYERS) or {FOLDERS.get(step.layer, step.layer)}


def layers(step: Step, lit: Sequence[str] = ()) -> str:
    """The layers: those lit in colour, those of earlier steps filled, the rest in outline."""
    bright = set(lit) or layers_of(step)
    before = {
        name for other in load_steps() if other.number < step.number for name in layers_of(other)
    }
    rows = [name for name in LAYERS if name != "schemas"]
    parts = [_box(name, 24, 24 + 52 * row, 430, bright, before) for row, name in enumerate(rows)]
    api, services = (24 + 52 * rows.index(name) for name in ("api", "services"))
    parts.append(_box("schemas", 486, services, 330, bright, before))
    for path in (f"M 486 {services + 22} H 456", f"M 650 {services} V {api + 22} H 456"):
        parts.append(
            f'<path d="{path}" fill="none" stroke="{FAINT}" stroke-width="1.5" '
            'marker-end="url(#head)"/>'
        )
    arrow = (
        f'<defs><marker id="head" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto">'
        f'<path d="M 0 0 L 8 4 L 0 8 z" fill="{FAINT}"/></marker></defs>'
    )
    foot = 24 + 52 * len(rows) + 14
    parts.append(_text(24, foot, "A layer knows the layers below it, and none above.", 13, FAINT))
    return _svg(840, foot + 18, arrow + "".join(parts), "The layers of the app")


def _box(name: str, x: int, y: int, width: int, bright: set[str], before: set[str]) -> str:
    fill, ink, faint, extra = "#ffffff", FAINT, FAINT, f'stroke="{LINE}" stroke-dasharray="5 4"'
    if name in bright:
        fill, ink, faint, extra = ACCENT, "#ffffff", "#e3f3f6", f'stroke="{ACCENT}"'
    elif name in before:
        fill, ink, faint, extra = TINT, INK, FAINT, f'stroke="{LINE}"'
    numbers = [str(step.number) for step in load_steps() if name in layers_of(step)]
    # The last step writes in nearly every layer: it would say nothing here.
    numbers = [number for number in numbers if int(number) < load_steps()[-1].number]
    label = ("step " if len(numbers) == 1 else "steps ") + ", ".join(numbers)
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="44" rx="7" fill="{fill}" {extra}/>'
        + _text(x + 16, y + 28, name, 17, ink, weight="600")
        + _text(x + 106, y + 28, LAYERS[name], 14, faint)
        + _text(x + width - 14, y + 28, label, 13, faint, anchor="end")
    )


def latencies(series: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """Dots for requests: when each was due, and how long it took, on axes from zero."""
    width, height, left, top = 840, 360, 74, 56
    right, bottom = width - 28, height - 54
    last = max((when for points in series.values() for when, _ in points), default=1.0) or 1.0
    most = max((took for points in series.values() for _, took in points), default=1.0) or 1.0
    parts: list[str] = []
    for value in _ticks(most):
        y = bottom - (bottom - top) * value / _ticks(most)[-1]
        parts.append(f'<path d="M {left} {y:.1f} H {right}" stroke="{LINE}" stroke-width="0.7"/>')
        parts.append(_text(left - 10, y + 4.5, f"{value:g} ms", 13, FAINT, anchor="end"))
    for value in _ticks(last):
        x = left + (right - left) * value / _ticks(last)[-1]
        parts.append(_text(x, bottom + 22, f"{value:g} s", 13, FAINT, anchor="middle"))
    across = left
    for (name, points), colour in zip(series.items(), SERIES_COLOURS, strict=False):
        for when, took in points:
            x = left + (right - left) * when / _ticks(last)[-1]
            y = bottom - (bottom - top) * took / _ticks(most)[-1]
            parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.6" fill="{colour}" fill-opacity="0.7"/>'
            )
        parts.append(f'<circle cx="{across + 6}" cy="29" r="6" fill="{colour}"/>')
        parts.append(_text(across + 20, 34, name, 15, INK))
        across += 48 + 8 * len(name)
    parts.append(_text(right, height - 10, "when the request was due", 13, FAINT, anchor="end"))
    return _svg(width, height, "".join(parts), "How long requests took: " + ", ".join(series))


def _ticks(most: float) -> list[float]:
    """Round numbers from zero to the first one that is not below `most`."""
    rough = most / 5
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return [round(step * index, 10) for index in range(math.ceil(most / step) + 1)]


def _text(
    x: float,
    y: float,
    text: str,
    size: int,
    fill: str,
    *,
    anchor: str = "start",
    weight: str = "400",
) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{fill}" font-weight="{weight}" '
        f'text-anchor="{anchor}">{escape(text)}</text>'
    )


def _svg(width: int, height: int, content: str, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" {FONT}><title>{escape(title)}</title>'
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="10" '
        f'fill="#fbfcfd" stroke="{LINE}"/>{content}</svg>'
    )
