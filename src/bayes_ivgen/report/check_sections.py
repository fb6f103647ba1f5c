"""Sections about trust: checks, sampler, priors, assumptions, versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_ivgen.plots import plot_outcome, plot_residuals
from bayes_ivgen.report.blocks import Block, Gallery, Paragraph, Picture, Section, Table, Terms, number, p_value
from bayes_ivgen.report.facts import Calibration, Checks, Facts, Implication, Rows
from bayes_ivgen.report.pictures import picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STRONG = 0.05  # power-scaling sensitivity that counts (Kallioinen et al. 2024)


def checks(facts: Facts) -> Section:
    """Fit against rows."""
    found = facts.checks
    parts: list[Block] = _judged(found) if found.judged else _shown(found)
    pictures = tuple(_outcome(facts, rows) for rows in found.outcomes)
    if pictures:
        text = "Outcomes that the model draws for rows of a regime (blue), against those that occurred (dots)."
        parts += [Paragraph(text), Gallery(pictures)]
    if found.residuals is not None:
        parts.append(_residuals(facts))
    return Section("checks", "Checks against the rows", tuple(parts))


HEAD = (
    "Setting one action alone and leaving the others to respond has an answer that needs no model: the plain mean of "
    "those rows."
)


def _judged(found: Checks) -> list[Block]:
    """Verdicts with their p-values."""
    parts: list[Block] = []
    if found.calibrations:
        failed = [item for item in found.calibrations if not item.passed]
        if failed:
            names = ", ".join(item.action for item in failed)
            parts.append(Paragraph(f"{HEAD} The fit misses it for {names}. {failed[0].advice}", "bad"))
        else:
            parts.append(Paragraph(f"{HEAD} The fit agrees with it for every action that was set alone.", "good"))
        cells = tuple(
            (item.action, "passed" if item.passed else "failed", p_value(item.p_value), _apart(item))
            for item in found.calibrations
        )
        caption = "Calibration: the fit against the rows that set one action alone; p below 0.01 counts as failed."
        headings = ("action", "check", "p-value", "largest disagreement")
        parts.append(Table(caption, headings, cells, frozenset({1, 3})))
    if found.implications:
        parts += _implications(found.implications)
    return [*parts, Paragraph(found.note)] if found.note else parts


def _shown(found: Checks) -> list[Block]:
    """Numbers without a verdict, where p-values would not be right."""
    parts: list[Block] = [Paragraph(found.note)]
    if found.calibrations:
        cells = tuple((item.action, item.finding) for item in found.calibrations)
        caption = "The fit against the mean of rows that set one action alone, where they are furthest apart."
        parts += [Paragraph(HEAD), Table(caption, ("action", "largest disagreement"), cells, frozenset({1}))]
    return parts


def _apart(item: Calibration) -> str:
    return f"{item.finding} ({item.away:.1f} standard deviations)"


def _implications(found: tuple[Implication, ...]) -> list[Block]:
    """Hold what the assumptions rule out against the rows."""
    failed = [item for item in found if item.passed is False]
    text = "The assumptions rule out certain differences between the regimes. "
    if failed:
        verdict = Paragraph(f"{text}The rows show some: {' '.join(item.advice for item in failed)}", "bad")
    else:
        verdict = Paragraph(f"{text}The rows show none of them beyond chance.", "good")
    return [verdict, Terms(tuple((_result(item), item.finding) for item in found))]


def _result(item: Implication) -> str:
    name = item.name.capitalize()
    if item.passed is None or item.p_value is None:
        return f"{name}: not testable"
    return f"{name}: {'passed' if item.passed else 'failed'} (p = {p_value(item.p_value)})"


def _outcome(facts: Facts, rows: Rows) -> Picture:
    def draw(ax: Axes) -> None:
        plot_outcome(rows.observed, rows.replicated, label=facts.label(facts.outcome), prob=facts.prob, ax=ax)

    alt = (
        f"{rows.regime}: outcomes of {len(rows.observed)} rows have mean {number(rows.observed.mean(), 3)} and "
        f"standard deviation {number(rows.observed.std(), 3)}; drawn ones {number(rows.replicated.mean(), 3)} and "
        f"{number(rows.replicated.std(), 3)}."
    )
    return picture(draw, alt=alt, caption=f"{rows.regime}: {len(rows.observed)} rows.", height=2.8)


def _residuals(facts: Facts) -> Picture:
    table = facts.checks.residuals
    assert table is not None
    means = table.groupby("regime", sort=False)["residual"].agg(["mean", "sem"])
    said = ", ".join(f"{regime} {number(row['mean'], 2)}" for regime, row in means.iterrows())
    return picture(
        lambda ax: plot_residuals(table, label=facts.label(facts.outcome), ax=ax),
        alt=f"Residuals by regime; their means are {said}.",
        caption="What the posterior mean leaves unexplained. Bars hold the middle half of the rows; diamonds are "
        "means, which should lie at zero.",
        height=1.0 + 0.42 * len(means),
    )


def sampler(facts: Facts) -> Section:
    """Health of the chains."""
    found = facts.sampler
    cells = tuple(
        (str(name), number(row["r_hat"], 4), number(row["ess_bulk"], 3), number(row["ess_tail"], 3))
        for name, row in zip(found.table.index, found.table.to_dict("records"), strict=True)
    )
    caption = (
        "Worst entry of each kind: R-hat compares the chains (near 1 is good), effective draws say how many "
        "independent draws the chains are worth."
    )
    headings = ("quantity", "R-hat", "effective draws", "in the tails")
    verdict = Paragraph(found.verdict, "good" if found.mixed else "bad")
    return Section("sampler", "Sampler", (verdict, Table(caption, headings, cells)))


def priors(facts: Facts) -> Section:
    """Priors and how much they decide."""
    found = facts.sampler
    parts: list[Block] = []
    if found.sensitivity is not None:
        table = found.sensitivity
        strong = [str(name) for name, value in zip(table.index, table["prior"], strict=True) if value >= STRONG]
        if strong:
            text = f"The prior has a say in {len(strong)} of {len(table)} answers: {', '.join(strong)}."
        else:
            text = "The prior decides little: making it stronger or weaker hardly moves the answers."
        cells = tuple(
            (str(name), number(row["prior"], 2), number(row["likelihood"], 2))
            for name, row in zip(table.index, table.to_dict("records"), strict=True)
        )
        caption = (
            f"Power-scaling sensitivity of each answer to the prior and to the rows; above {STRONG} it counts "
            "(ArviZ, psense_summary)."
        )
        parts += [
            Paragraph(text, "bad" if strong else "good"),
            Table(caption, ("answer", "prior", "rows"), cells),
        ]
    if found.note:
        parts.append(Paragraph(found.note))
    rows = tuple((name.strip(), law.strip()) for name, _, law in (line.partition("~") for line in found.priors))
    parts.append(Table("Priors", ("parameter", "law"), rows, frozenset({1})))
    return Section("priors", "Priors and sensitivity", tuple(parts))


def assumptions(facts: Facts) -> Section:
    """List what is taken for granted."""
    text = "The answers hold if all of this does. What no row can show must be known from how the data came about."
    items = tuple((item.what, item.test) for item in facts.assumptions)
    return Section("assumptions", "Assumptions, and what they can be tested by", (Paragraph(text), Terms(items)))


def made_how(facts: Facts) -> Section:
    """Versions and settings."""
    rows = tuple((name, value) for name, value in facts.settings.items())
    return Section(
        "settings",
        "Versions and settings",
        (Table("How the fit was made", ("setting", "value"), rows, frozenset({1})),),
    )
