"""Sections about effects: the answers, response curves, confounding."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayes_ivgen.plots import MAX_ROWS, plot_curve, plot_forest, plot_readings
from bayes_ivgen.report.blocks import Block, Gallery, Paragraph, Picture, Section, Table, interval, number
from bayes_ivgen.report.facts import Along, Answers, Facts
from bayes_ivgen.report.pictures import picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LABEL_LINE = 21  # letters of a label that fit beside a picture of this width


def answers(facts: Facts) -> Section:
    """Effects that were asked for."""
    parts: list[Block] = []
    for item in facts.answers:
        parts += _answer(facts, item)
    flagged = sum(int((~item.table["supported"]).sum()) for item in facts.answers if len(item.table))
    if flagged:
        one = flagged == 1
        text = (
            f"{flagged} of these {'answers is' if one else 'answers are'} not supported by the data: "
            f"{'it rests' if one else 'they rest'} on the continuation of curves, or the prior, beyond what was tried."
        )
        parts.append(Paragraph(text, "bad"))
    return Section("answers", "The answers", tuple(parts))


def _answer(facts: Facts, item: Answers) -> list[Block]:
    parts: list[Block] = []
    if len(item.table):
        shown = item.table.head(MAX_ROWS)
        if len(shown) > 1:
            parts.append(_forest(facts, item, shown))
        cells = tuple(
            (label, *interval(row["mean"], row["lower"], row["upper"]), row["reason"] or "yes")
            for label, row in zip(item.labels, shown.to_dict("records"), strict=False)
        )
        more = f" (the first {MAX_ROWS} of {len(item.table)})" if len(item.table) > MAX_ROWS else ""
        tail = 50 * (1 - facts.prob)
        headings = ("question", "mean", f"{tail:.3g} %", f"{100 - tail:.3g} %", "supported by the data")
        parts.append(Table(f"{item.title}{more}", headings, cells, frozenset({4})))
    parts += [Paragraph(f"{label}: no answer. {reason}", "bad") for label, reason in item.refused]
    return parts


def _forest(facts: Facts, item: Answers, shown: pd.DataFrame) -> Picture:
    labels = list(item.labels[: len(shown)])
    lines = sum(1 + len(label) // LABEL_LINE for label in labels)

    def draw(ax: Axes) -> None:
        plot_forest(shown, labels=labels, title="", prob=facts.prob, neutral=item.neutral, ax=ax)
        ax.set_title("")

    top = shown["mean"].to_numpy()
    alt = (
        f"{item.title}: one interval a question, posterior means from {number(top.min())} to {number(top.max())}; "
        "the numbers are in the table below."
    )
    caption = f"Posterior means with {100 * facts.prob:.3g} % intervals; open circles are not supported by the data."
    return picture(draw, alt=alt, caption=caption, height=1.0 + 0.3 * lines)


def curves(facts: Facts) -> Section:
    """Response curves."""
    if isinstance(facts.along, str):
        return Section("curves", "Response curves", (Paragraph(f"There are none: {facts.along}", "bad"),))
    text = (
        f"What setting one action does to the {facts.mean_label} while the others are set to their observed values on "
        f"average. Bands hold {100 * facts.prob:.3g} %; ticks at the bottom are values at which the action was set."
    )
    limits = _limits([item.curve for item in facts.along.values()])

    def one(name: str, item: Along) -> Picture:
        def draw(ax: Axes) -> None:
            label, tried = facts.mean_label, item.tried.tolist()
            plot_curve(item.curve, x=name, label=label, prob=facts.prob, x_label=facts.label(name), tried=tried, ax=ax)
            _plain(ax, limits)

        return picture(
            draw, alt=f"Response curve of {name}: {_story(item.curve, name)}", caption=_flat(item.curve, name)
        )

    pictures = tuple(one(name, item) for name, item in facts.along.items())
    return Section("curves", "Response curves", (Paragraph(text), Gallery(pictures)))


def biases(facts: Facts) -> Section:
    """Observational readings beside interventional curves."""
    title = "Confounding bias"
    if isinstance(facts.along, str):
        return Section("bias", title, (Paragraph("There are no curves to compare with.", "bad"),))
    known = {name: item for name, item in facts.along.items() if item.observational is not None}
    text = (
        "Blue is what setting the action does. Orange is what one would read off rows in which it was left alone: its "
        "value then tells about the causes that it shares with the outcome. The distance between the two is the bias."
    )
    both = [table for item in known.values() for table in (item.curve, item.observational) if table is not None]
    limits = _limits(both) if both else (0.0, 1.0)

    def one(name: str, item: Along) -> Picture:
        assert item.observational is not None
        seen = item.observational

        def draw(ax: Axes) -> None:
            places = {"tried": item.tried.tolist(), "seen": item.seen.tolist()}
            plot_readings(
                item.curve,
                seen,
                x=name,
                label=facts.mean_label,
                prob=facts.prob,
                x_label=facts.label(name),
                ax=ax,
                **places,
            )
            _plain(ax, limits, legend=True)

        alt = f"{name}: if it is set, {_story(item.curve, name)}; as it is read where seen, {_story(seen, name)}"
        return picture(draw, alt=alt, caption=_widest(item, name))

    parts: list[Block] = [Paragraph(text)]
    if known:
        parts.append(Gallery(tuple(one(name, item) for name, item in known.items())))
    parts += [Paragraph(f"{name}: {item.reason}") for name, item in facts.along.items() if item.observational is None]
    return Section("bias", title, tuple(parts))


def _limits(tables: list[pd.DataFrame]) -> tuple[float, float]:
    """One vertical scale, so that pictures can be compared."""
    low, high = (pick(float(pick_of(table)) for table in tables) for pick, pick_of in _ENDS)
    room = 0.06 * (high - low) or 1.0
    return low - 1.5 * room, high + room


_ENDS: tuple[tuple[Callable[..., float], Callable[[pd.DataFrame], float]], ...] = (
    (min, lambda table: float(table["lower"].min())),
    (max, lambda table: float(table["upper"].max())),
)


def _plain(ax: Axes, limits: tuple[float, float], *, legend: bool = False) -> None:
    """Give the axes the common scale; the caption says what a legend would."""
    ax.set_ylim(*limits)
    found = ax.get_legend()
    if found is not None and not legend:
        found.remove()


def _story(table: pd.DataFrame, name: str) -> str:
    """Say in words where a curve starts, where it is highest or lowest, and where it ends."""
    if not pd.api.types.is_float_dtype(table[name]):
        said = (f"{number(mean, 3)} at {label}" for label, mean in zip(table[name], table["mean"], strict=True))
        return ", ".join(said) + "."
    ordered = table.sort_values(name)
    at, mean = ordered[name].to_numpy(), ordered["mean"].to_numpy()
    places = {0, int(np.argmin(mean)), int(np.argmax(mean)), len(mean) - 1}
    return ", ".join(f"{number(mean[i], 3)} at {number(at[i], 3)}" for i in sorted(places)) + "."


def _flat(table: pd.DataFrame, name: str) -> str:
    """Say whether the curve moves by more than its uncertainty."""
    rows, mean = table.to_dict("records"), table["mean"].to_numpy()
    low, high = rows[int(np.argmin(mean))], rows[int(np.argmax(mean))]
    where = [row[name] if isinstance(row[name], str) else number(row[name], 3) for row in (low, high)]
    text = f"{name}: lowest at {where[0]} ({number(low['mean'], 3)}), highest at {where[1]} ({number(high['mean'], 3)})"
    return f"{text}; the bands of the two overlap." if low["upper"] > high["lower"] else f"{text}."


def _widest(item: Along, name: str) -> str:
    """Say where the bias is largest."""
    assert item.bias is not None
    away = item.bias["mean"].to_numpy() - (1.0 if item.bias.attrs.get("factor") else 0.0)
    row = item.bias.to_dict("records")[int(np.argmax(np.abs(away)))]
    mean, lower, upper = interval(row["mean"], row["lower"], row["upper"])
    at = row[name] if isinstance(row[name], str) else number(row[name], 3)
    what = "as a factor " if item.bias.attrs.get("factor") else ""
    return f"{name}: the bias is largest at {at}, {what}{mean} ({lower} to {upper})."
