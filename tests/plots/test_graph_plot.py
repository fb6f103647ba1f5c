"""Pictures of graphs: everything is shown, nothing covers anything else."""

from __future__ import annotations

import re
from itertools import combinations, pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.text import Text

from bayes_ivgen.errors import SpecError
from bayes_ivgen.model import ActionGraph
from bayes_ivgen.plots import plot_graph

NAMES = ("tv", "web", "radio", "newspaper_ads", "mail", "social", "search", "outdoor")
CHAIN = {child: [parent] for parent, child in pairwise(NAMES)}
SPARSE = {"web": ["tv"], "social": ["web", "radio", "outdoor"], "search": ["tv"], "outdoor": ["tv"], "mail": ["web"]}


def arrows(ax: Axes) -> list[FancyArrowPatch]:
    return [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]


def names_and_labels(ax: Axes, actions: tuple[str, ...]) -> tuple[dict[str, Text], list[Text]]:
    names = {text.get_text(): text for text in ax.texts if text.get_text() in actions}
    return names, [text for text in ax.texts if text.get_text() not in actions]


def assert_readable(ax: Axes, actions: tuple[str, ...]) -> None:
    """All inside the figure, no text on another text or box, no arrow through a foreign box."""
    ax.figure.canvas.draw()
    figure = ax.figure.bbox
    boxes = [patch.get_window_extent() for patch in ax.patches if isinstance(patch, FancyBboxPatch)]
    names, labels = names_and_labels(ax, actions)
    extents = [label.get_window_extent() for label in labels]
    assert len(boxes) == len(names) == len(actions)
    for box in [*boxes, *extents, ax.title.get_window_extent()]:
        assert figure.x0 <= box.x0
        assert box.x1 <= figure.x1
        assert figure.y0 <= box.y0
        assert box.y1 <= figure.y1
    for one, two in combinations([*boxes, *extents], 2):
        assert not one.overlaps(two)
    for name, box in zip(actions, boxes, strict=True):
        text = names[name].get_window_extent()
        assert box.x0 <= text.x0
        assert text.x1 <= box.x1
    for arrow in arrows(ax):
        path = arrow.get_transform().transform_path(arrow.get_path()).interpolated(20).vertices
        start, end = (arrow.patchA.get_window_extent(), arrow.patchB.get_window_extent())
        for box in boxes:
            if not any(np.allclose(box.extents, own.extents) for own in (start, end)):
                assert not any(box.contains(*point) for point in path)


@pytest.mark.parametrize("tested", [True, False])
@pytest.mark.parametrize(
    ("actions", "parents"),
    [
        (NAMES[:3], {"web": ["tv"]}),
        (NAMES[:5], {"web": ["tv"], "radio": ["tv"], "mail": ["web", "radio", "tv"]}),
        (NAMES[:5], ActionGraph.full(NAMES[:5]).parents),
        (NAMES, SPARSE),
        (NAMES, CHAIN),
        (NAMES, ActionGraph.full(NAMES).parents),
        (NAMES, {"tv": NAMES[1:]}),
        (NAMES, {}),
    ],
)
def test_everything_is_shown_and_nothing_overlaps(actions: tuple[str, ...], parents: dict, *, tested: bool) -> None:
    edges = ActionGraph(parents).edges
    rng = np.random.default_rng(0)
    p_values = {edge: float(10.0 ** -rng.uniform(0, 20)) for edge in edges} if tested else None
    ax = plot_graph(actions, edges, p_values=p_values)
    assert_readable(ax, actions)
    assert len(arrows(ax)) == len(edges)
    assert len(names_and_labels(ax, actions)[1]) == (len(edges) if tested else 0)


def test_causes_stand_above_and_actions_without_edges_below() -> None:
    ax = plot_graph(NAMES, ActionGraph(SPARSE).edges)
    names, _ = names_and_labels(ax, NAMES)
    height = {name: text.get_position()[1] for name, text in names.items()}
    assert all(height[parent] > height[child] for parent, child in ActionGraph(SPARSE).edges)
    loose = {"newspaper_ads"}
    assert {name for name in NAMES if height[name] == min(height.values())} == loose
    assert {name for name, text in names.items() if to_hex(text.get_color()) == to_hex("0.6")} == loose


def test_strong_edges_are_wide_and_untested_ones_dashed() -> None:
    edges = [("tv", "web"), ("tv", "radio"), ("tv", "mail"), ("tv", "social")]
    p_values = dict(zip(edges, [1e-30, 0.04, 1.0, float("nan")], strict=True))
    ax = plot_graph(("tv", "web", "radio", "mail", "social"), edges, p_values=p_values)
    widths = [arrow.get_linewidth() for arrow in arrows(ax)]
    assert widths[0] > widths[1] > widths[2] == widths[3]
    assert [arrow.get_linestyle() for arrow in arrows(ax)] == ["-", "-", "-", "--"]
    labels = {text.get_text() for text in ax.texts} - set(NAMES)
    assert labels == {"<1e-16", "0.04", "1", "not tested"}
    assert ax.get_title().replace("\n", " ") == "which action drives which, with p-values of independence"


def test_a_graph_draws_itself_where_it_is_told() -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    index = pd.MultiIndex.from_tuples([("tv", "web"), ("web", "tv"), ("tv", "mail")], names=["cause", "effect"])
    table = pd.DataFrame({"p_value": [1e-4, 0.5, 0.3], "p_monotone": [1e-3, 0.5, 0.3]}, index=index)
    assert ActionGraph({"web": ["tv"]}, evidence=table).plot(ax=left) is left
    assert {text.get_text() for text in left.texts} == {"tv", "web", "mail", "2e-04"}
    assert ActionGraph({"web": ["tv"]}).plot(["radio", "tv", "web"], ax=right) is right
    assert {text.get_text() for text in right.texts} == {"radio", "tv", "web"}
    assert right.get_title() == "which action drives which"
    assert plt.get_fignums() == [figure.number]
    assert_readable(left, ("tv", "web", "mail"))
    assert_readable(right, ("radio", "tv", "web"))
    assert ActionGraph({"web": ["tv"], "mail": []}).plot().figure is not figure
    assert ActionGraph.empty().plot(["tv"]).get_title() == "no action drives another one"
    assert not ActionGraph.empty().plot().texts


def test_actions_that_leave_out_part_of_the_graph_are_refused() -> None:
    message = "the graph names 'web', which is not an action. The actions are ['tv', 'radio']; correct the name"
    with pytest.raises(SpecError, match=re.escape(message)):
        ActionGraph({"web": ["tv"]}).plot(["tv", "radio"])
    ActionGraph({"web": ["tv"]}).plot(["tv", "radio", "web"])
