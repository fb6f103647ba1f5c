"""A graph of actions: causes above what they drive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_ivgen.plots.style import BLUE, axes_for
from bayes_ivgen.plots.text import wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Edge = tuple[str, str]
Points = NDArray[np.float64]

# All lengths are inches at full size; a smaller axes shrinks them and the letters alike.
LETTERS = {"name": 10.0, "label": 8.0}  # points
LETTER_WIDTH = 0.62 / 72  # of a point of its size
NODE_HEIGHT, NODE_PADDING = 0.3, 0.2
BESIDE, BELOW = 0.9, 0.95  # gap between neighbours of one layer, step between layers
CROWDED = 12  # edges; above, there is more room between layers
BENDS = (0.0, 0.12, -0.12, 0.24, -0.24, 0.36, -0.36, 0.5, -0.5)
PLACES = (0.5, *(0.5 + side * step for step in np.arange(1, 13) * 0.03 for side in (-1, 1)))  # of labels along edges
WIDEST_AT = 16.0  # orders of magnitude of the p-value at which an edge is drawn widest


def plot_graph(
    actions: Sequence[str],
    edges: Sequence[Edge],
    *,
    p_values: Mapping[Edge, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw actions as boxes in layers, each below all that drive it, and edges as arrows.

    Parameters
    ----------
    actions : sequence of str
        All actions; those without edges stand in a row of their own below the others.
    edges : sequence of (str, str)
        Pairs (parent, child) of an acyclic graph.
    p_values : mapping of (str, str) to float, optional
        P-value of each edge: written on it, and the smaller the wider is the line. Edges whose value
        is not a number were not tested and are dashed.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.
    """
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

    centre, loose = _layout(actions, edges)
    box = {name: _size(name, "name") for name in actions}
    width = max((abs(centre[name][0]) + box[name][0] / 2 for name in actions), default=1.0) + 0.3
    top = max((at[1] for at in centre.values()), default=0.0) + 0.5
    low = min((at[1] for at in centre.values()), default=0.0) - 0.5
    ax = axes_for(ax, (max(4.2, 2 * width), top - low + 0.7))
    ax.set_xlim(-width, width)
    ax.set_ylim(low, top)
    ax.set_aspect("equal")
    ax.axis("off")
    frame = ax.get_window_extent()
    scale = min(1.0, frame.width / ax.figure.dpi / (2 * width), frame.height / ax.figure.dpi / (top - low))
    patches = {}
    for name in actions:
        wide, high = box[name]
        colour = "0.6" if name in loose else "0.2"
        patches[name] = FancyBboxPatch(
            (centre[name][0] - wide / 2 + 0.08, centre[name][1] - high / 2 + 0.08),
            wide - 0.16,
            high - 0.16,
            boxstyle="round,pad=0.08",
            facecolor="white",
            edgecolor=colour,
            zorder=3,
        )
        ax.add_patch(patches[name])
        ax.text(*centre[name], name, ha="center", va="center", color=colour, fontsize=scale * LETTERS["name"], zorder=4)
    known = p_values or {}
    labels = {edge: _label(known[edge]) for edge in edges if edge in known}
    bends, places = _route(centre, box, edges, labels)
    for edge in edges:
        p = known.get(edge)
        arrow = FancyArrowPatch(
            centre[edge[0]],
            centre[edge[1]],
            connectionstyle=f"arc3,rad={bends[edge]}",
            arrowstyle="-|>",
            mutation_scale=12 * scale,
            patchA=patches[edge[0]],
            patchB=patches[edge[1]],
            shrinkA=0,
            shrinkB=1,
            color=BLUE,
            linewidth=scale * _line_width(p),
            linestyle="--" if p is not None and np.isnan(p) else "-",
            zorder=1,
        )
        ax.add_patch(arrow)
        if edge in labels:
            ax.text(
                *places[edge],
                labels[edge],
                ha="center",
                va="center",
                fontsize=scale * LETTERS["label"],
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8 * scale, "alpha": 0.9},
                zorder=2,
            )
    title = "which action drives which" if edges else "no action drives another one"
    if labels:
        title += ", with p-values of independence"
    ax.set_title(wrapped(title, ax), fontsize="medium")
    return ax


def _size(text: str, kind: str) -> tuple[float, float]:
    """Width and height of a text with its margin."""
    wide = len(text) * LETTERS[kind] * LETTER_WIDTH
    return (wide + NODE_PADDING, NODE_HEIGHT) if kind == "name" else (wide + 0.04, LETTERS[kind] / 72 + 0.06)


def _label(p: float) -> str:
    if p != p:
        return "not tested"
    if p < 10.0**-WIDEST_AT:
        return f"<1e-{WIDEST_AT:.0f}"
    return f"{p:.2g}" if p >= 0.001 else f"{p:.0e}"


def _line_width(p: float | None) -> float:
    if p is None:
        return 1.4
    strength = -np.log10(max(p, 10.0**-WIDEST_AT)) / WIDEST_AT if p == p else 0.0
    return float(0.9 + 1.8 * min(1.0, strength))


def _layout(actions: Sequence[str], edges: Sequence[Edge]) -> tuple[dict[str, tuple[float, float]], list[str]]:
    """Centres of the boxes, and the actions without edges."""
    linked = {name for edge in edges for name in edge}
    loose = [name for name in actions if name not in linked]
    layers = _layers([name for name in actions if name in linked], edges)
    centre: dict[str, tuple[float, float]] = {}
    depth = len(layers) - 1
    crowded = len(edges) > CROWDED
    step = 1.4 * BELOW if crowded else BELOW
    for i, layer in enumerate(layers):
        # A bow, so that edges which skip a layer do not run through the boxes between.
        bow = (0.6 if crowded else 0.3) * depth * (1 - (2 * i / depth - 1) ** 2) if depth > 1 else 0.0
        for name, x in zip(layer, _row(layer), strict=True):
            centre[name] = (x - bow, -step * i)
    if centre:
        xs = [x for x, _ in centre.values()]
        middle = (min(xs) + max(xs)) / 2
        centre = {name: (x - middle, y) for name, (x, y) in centre.items()}
    below = -step * (len(layers) - 1) - 0.7
    centre |= {name: (x, below) for name, x in zip(loose, _row(loose), strict=True)}
    return centre, loose


def _row(names: Sequence[str]) -> list[float]:
    """Horizontal centres of boxes side by side."""
    gap = BESIDE if len(names) <= 4 else BESIDE / 2
    widths = np.array([_size(name, "name")[0] for name in names])
    left = np.concatenate([[0.0], np.cumsum(widths + gap)])[: len(names)]
    middles = left + widths / 2
    return [float(x) for x in middles - (left[-1] + widths[-1]) / 2] if len(names) else []


def _layers(actions: Sequence[str], edges: Sequence[Edge]) -> list[list[str]]:
    """Actions by the longest path that leads to them; in each layer near those above."""
    depth = dict.fromkeys(actions, 0)
    for _ in actions:
        for parent, child in edges:
            depth[child] = max(depth[child], depth[parent] + 1)
    layers = [
        [name for name in actions if depth[name] == level] for level in range(max(depth.values(), default=-1) + 1)
    ]
    place = {name: i - (len(layer) - 1) / 2 for layer in layers for i, name in enumerate(layer)}
    for _ in range(4):
        for layer in layers:
            beside = {
                name: [place[a if b == name else b] for a, b in edges if name in (a, b)] or [place[name]]
                for name in layer
            }
            layer.sort(key=lambda name: float(np.mean(beside[name])))
            place |= {name: i - (len(layer) - 1) / 2 for i, name in enumerate(layer)}
    return layers


def _curve(start: tuple[float, float], end: tuple[float, float], bend: float, at: Points) -> Points:
    """Points of matplotlib's ``arc3`` between two boxes."""
    (x0, y0), (x1, y1) = start, end
    knee = ((x0 + x1) / 2 + bend * (y1 - y0), (y0 + y1) / 2 - bend * (x1 - x0))
    t = at[:, None]
    return np.asarray((1 - t) ** 2 * np.array(start) + 2 * t * (1 - t) * np.array(knee) + t**2 * np.array(end))


def _route(
    centre: Mapping[str, tuple[float, float]],
    box: Mapping[str, tuple[float, float]],
    edges: Sequence[Edge],
    labels: Mapping[Edge, str],
) -> tuple[dict[Edge, float], dict[Edge, tuple[float, float]]]:
    """Bend each edge around the boxes between its ends, then put its label where it covers least."""
    fine = np.linspace(0.03, 0.97, 48)
    bends: dict[Edge, float] = {}
    for edge in edges:
        others = [name for name in centre if name not in edge]
        costs = []
        for bend in BENDS:
            path = _curve(centre[edge[0]], centre[edge[1]], bend, fine)
            hit = sum(_covers(path, centre[name], box[name], 0.08) for name in others)
            costs.append(hit + 0.5 * abs(bend))
        bends[edge] = BENDS[int(np.argmin(costs))]
    paths = {edge: _curve(centre[edge[0]], centre[edge[1]], bends[edge], fine) for edge in edges}
    places: dict[Edge, tuple[float, float]] = {}
    # Short edges first: their labels have the fewest places to go.
    for edge in sorted(labels, key=lambda edge: float(np.ptp(paths[edge], axis=0).sum())):
        size = _size(labels[edge], "label")
        spots = _curve(centre[edge[0]], centre[edge[1]], bends[edge], np.array(PLACES))
        costs = []
        for i, spot in enumerate(spots):
            at = (float(spot[0]), float(spot[1]))
            boxes = sum(_touch(at, size, centre[name], box[name]) for name in centre)
            placed = sum(_touch(at, size, places[other], _size(labels[other], "label")) for other in places)
            lines = sum(_covers(paths[other], at, size, 0.0) for other in edges if other != edge)
            costs.append(20 * (boxes + placed) + lines + 0.05 * i)
        best = spots[int(np.argmin(costs))]
        places[edge] = (float(best[0]), float(best[1]))
    return bends, places


def _covers(path: Points, at: tuple[float, float], size: tuple[float, float], margin: float) -> int:
    near = np.abs(path - np.array(at)) < np.array(size) / 2 + margin
    return int(np.sum(near.all(axis=1)))


def _touch(
    one: tuple[float, float], size: tuple[float, float], two: tuple[float, float], other: tuple[float, float]
) -> bool:
    return all(abs(a - b) < (s + o) / 2 for a, b, s, o in zip(one, two, size, other, strict=True))
