"""Which experiment next: rank candidates by what they would tell (docs/theory/design_of_experiments.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import ndtri
from scipy.stats.qmc import Sobol

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import RegimeData
from bayes_ivgen.decisions.costs import Sizes
from bayes_ivgen.decisions.experiments import Candidate, Experiment, draw_rows
from bayes_ivgen.decisions.moments import CoefficientMoments, Learning
from bayes_ivgen.decisions.questions import Question
from bayes_ivgen.effects import EffectPosterior
from bayes_ivgen.errors import IdentificationError, QueryError
from bayes_ivgen.inference.noise import VarianceModel
from bayes_ivgen.model.components.dataset_offset import DatasetOffset
from bayes_ivgen.model.design import indicators
from bayes_ivgen.shown import Shown
from bayes_ivgen.statistics import SufficientStatistics

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEAST_NOISE = 0.1  # of the mean noise variance: where the fitted variance falls to zero nothing is known
INFORMS = 1e-6  # of the variance: less is rounding
VALUE_DRAWS = 4096  # a power of two


@dataclass(frozen=True, eq=False)
class Knowledge:
    """What a fit knows, as far as the choice of an experiment needs it.

    Attributes
    ----------
    posterior : EffectPosterior
        Turns questions into design rows.
    moments : CoefficientMoments
        Posterior of the coefficients.
    statistics : SufficientStatistics
        Sums of the rows at hand, one entry a regime.
    noise : mapping of str to float
        Posterior mean of the noise variance of each regime at hand, in squared units of the outcome's sd.
    variance : VarianceModel or None
        Noise of regimes that were never run; None where all regimes share one.
    profiles : RegimeData
        Samples of the rows at hand.
    row_worth : float
        How many independent rows a row is worth; rows to come repeat each other as those at hand do.
    """

    posterior: EffectPosterior
    moments: CoefficientMoments = field(repr=False)
    statistics: SufficientStatistics = field(repr=False)
    noise: Mapping[str, float]
    variance: VarianceModel | None = field(repr=False)
    profiles: RegimeData = field(repr=False)
    row_worth: float = 1.0

    def learning(self, candidate: Candidate) -> Learning:
        """Return what rows of a candidate add; see `draw_rows` for errors."""
        label, design = candidate.regime.label, self.posterior.design
        offsets = any(isinstance(component, DatasetOffset) for component in design.components)
        if candidate.plain and label in self.noise and not offsets:
            r = self.statistics.regimes.index(label)
            gram = self.row_worth * self.statistics.gram[r] / self.statistics.rows[r]
            return self.moments.learn(gram, self.noise[label])
        values = draw_rows(candidate, self.posterior, self.profiles)
        was_set = indicators([candidate.regime], self.posterior.actions)
        rows = design.rows(values, was_set[0])
        flags = np.broadcast_to(was_set, (len(values), was_set.shape[1]))
        return self.moments.learn(self.row_worth * (rows.T @ rows) / len(rows), self._noise(label, values, flags))

    def _noise(self, label: str, values: FloatArray, flags: np.ndarray[Any, np.dtype[np.bool_]]) -> float:
        if label in self.noise:
            return self.noise[label]
        typical = float(np.mean(list(self.noise.values())))
        if self.variance is None:
            return typical
        found = float(self.variance.variance(values, flags).mean())
        return max(found, LEAST_NOISE * typical)


class Decision(NamedTuple):
    """Options of which the best one will be taken: their rows (q, P) and gains (q,) beside the effect."""

    rows: FloatArray
    offset: FloatArray


@dataclass(frozen=True, eq=False, repr=False)
class NextExperiment(Shown):
    """Candidate experiments, the best one first; made by `Fit.next_experiment`.

    Attributes
    ----------
    table : DataFrame
        One row an experiment and query: ``rank``, ``regime``, ``setting``, ``rows``, ``cost``, ``query``,
        ``variance_before``, ``variance_after``, ``reduction`` (share of the variance before), ``identified``,
        ``identified_after``, ``value_of_information`` (of the experiment) and ``note``.
    ranking : DataFrame
        One row an experiment, the best first: means of the variances over queries, and the value.
    experiments : tuple of Experiment
        The experiments in this order, those that cannot be judged or paid last.
    outcome : str
        Name of the outcome, the unit of the variances (squared) and of the value.

    Examples
    --------
    >>> found = fit.next_experiment({"do": plan}, candidates=["obs", "do(tv)"], rows=200)
    >>> found.best.regime in [experiment.regime for experiment in found.experiments]
    True
    >>> found.ranking["reduction"].is_monotonic_decreasing
    True
    """

    table: pd.DataFrame
    ranking: pd.DataFrame = field(repr=False)
    experiments: tuple[Experiment, ...] = field(repr=False)
    outcome: str = ""

    @property
    def best(self) -> Experiment:
        """The experiment to run."""
        return self.experiments[0]

    def sentence(self) -> str:
        """One or two sentences of prose.

        Returns
        -------
        str

        Examples
        --------
        >>> fit.next_experiment({"do": plan}, rows=200).sentence().startswith("Next: 200 rows of do(")
        True
        """
        first = self.ranking.to_dict("records")[0]
        queries = self.table["query"].drop_duplicates()
        what = queries.iloc[0] if len(queries) == 1 else f"the {len(queries)} queries (on average)"
        if np.isnan(first["reduction"]):
            return f"No candidate can be judged and paid: {'; '.join(self.table['note'].drop_duplicates())}."
        if not first["reduction"] > INFORMS:
            return f"No candidate tells anything about {what}. {self._unidentified()}".strip()
        before, after = (float(np.sqrt(first[f"variance_{when}"])) for when in ("before", "after"))
        text = (
            f"Next: {self.best}, cost {self.best.cost:,.6g}. The standard deviation of {what} is expected to fall from "
            f"{before:.3g} to {after:.3g} (variance by {100 * first['reduction']:.0f} %)"
        )
        if np.isfinite(first["value_of_information"]):
            text += f"; choosing after it gains {first['value_of_information']:.3g} of {self.outcome!r} on average"
        return f"{text}. {self._unidentified()}".strip()

    def _unidentified(self) -> str:
        best = self.table[self.table["rank"] == 1]
        missing = best[~best["identified_after"].astype(bool)]
        if missing.empty:
            return ""
        return (
            f"Even then {len(missing)} of {len(best)} queries are not identified, and the prior answers for part of "
            f"them ({missing['note'].iloc[0]})."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the standard deviation after each experiment beside the one before; returns the Axes.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        matplotlib Axes

        Examples
        --------
        >>> ax = fit.next_experiment({"do": plan}, rows=200).plot()
        """
        from bayes_ivgen.plots import plot_next_experiment

        labels = [str(experiment) for experiment in self.experiments]
        return plot_next_experiment(self.ranking, labels=labels, unit=self.outcome, ax=ax)

    def _tables(self) -> dict[str, pd.DataFrame]:
        return {"ranking": self.ranking}

    def __str__(self) -> str:
        return self.sentence()


def rank_experiments(
    knowledge: Knowledge,
    questions: Sequence[Question],
    candidates: Sequence[Candidate],
    sizes: Sizes,
    decision: Decision | None = None,
) -> NextExperiment:
    """Rank experiments by what they are expected to tell.

    With C the rows of the questions, M the posterior covariance of the coefficients, and G the mean of x x' over rows
    of a candidate with noise variance v, n rows leave C (M^-1 + n G / v)^-1 C' of C M C'.

    Returns
    -------
    NextExperiment
        Sorted by the expected gain of the decision if there is one, of equals and else by the mean variance that
        goes.

    Raises
    ------
    IdentificationError
        If nothing tells what rows of any candidate would look like.
    """
    posterior, unit = knowledge.posterior, knowledge.posterior.design.outcome_sd
    rows = np.concatenate([question.rows(posterior) for question in questions])
    before = unit**2 * np.diag(knowledge.moments.variance(rows))
    now = _identified(questions, knowledge, ())
    asked = pd.DataFrame({"query": [name for question in questions for name in question.names(posterior)]})
    judged: list[tuple[Experiment, pd.DataFrame]] = []
    failures: list[str] = []
    for candidate in candidates:
        experiments = sizes.of(candidate)
        frame = asked.assign(variance_before=before, identified=now)
        try:
            learning = knowledge.learning(candidate)
        except IdentificationError as error:
            failures.append(f"{candidate.name}: {error}")
            judged += [(one, _unknown(frame, f"cannot be judged: {error}")) for one in experiments[:1]]
            continue
        then = now if now.all() else now | _identified(questions, knowledge, (candidate,))
        for one in experiments:
            if not sizes.affordable(one):
                judged.append((one, _unknown(frame, f"costs more than the budget of {sizes.budget:,.6g}")))
                continue
            after = unit**2 * np.diag(learning.after(rows, one.rows))
            found = frame.assign(variance_after=np.minimum(after, before), identified_after=then)
            found["value_of_information"] = np.nan if decision is None else _value(knowledge, learning, one, decision)
            judged.append((one, found.assign(note=_notes(now, then, one))))
    if failures and len(failures) == len(candidates):
        raise IdentificationError(f"no candidate can be judged. {failures[0]}")
    return _sorted(judged, posterior.outcome, by_value=decision is not None)


def _identified(questions: Sequence[Question], knowledge: Knowledge, added: Sequence[Candidate]) -> Any:
    regimes = [*knowledge.posterior.regimes, *(candidate.regime for candidate in added)]
    flags = [[question.identified(knowledge.posterior, regimes)] * len(question) for question in questions]
    return np.array([flag for group in flags for flag in group])


def _unknown(frame: pd.DataFrame, note: str) -> pd.DataFrame:
    return frame.assign(
        variance_after=np.nan, identified_after=frame["identified"], value_of_information=np.nan, note=note
    )


def _notes(now: Any, then: Any, one: Experiment) -> list[str]:
    texts = {
        (True, True): "",
        (False, True): f"identified only with rows of {one.regime.label}",
        (False, False): f"not identified even with rows of {one.regime.label}",
    }
    return [texts[bool(a), bool(b)] for a, b in zip(now, then, strict=True)]


def _value(knowledge: Knowledge, learning: Learning, one: Experiment, decision: Decision) -> float:
    """Return the expected value of sample information: E max_j m'_j - max_j m_j, m' ~ N(m, before - after)."""
    unit = knowledge.posterior.design.outcome_sd
    mean = unit * (decision.rows @ knowledge.moments.mean) + decision.offset
    return expected_gain(mean, unit**2 * learning.learned(decision.rows, one.rows))


def expected_gain(mean: FloatArray, covariance: FloatArray) -> float:
    """E[max_j m'_j] - max_j m_j for m' ~ N(mean, covariance), by a Sobol sequence; never negative.

    Parameters
    ----------
    mean : ndarray of shape (q,)
        What is expected of each option now.
    covariance : ndarray of shape (q, q)
        How these expectations will move.
    """
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    normal = ndtri(np.clip(Sobol(len(mean), seed=0).random(VALUE_DRAWS), 1e-12, 1 - 1e-12))
    later = mean + normal @ root.T
    # The mean of the option that is best now is known: as a control variate it takes most of the error away.
    return float(np.mean(later.max(axis=1) - later[:, int(np.argmax(mean))]))


def _sorted(judged: Sequence[tuple[Experiment, pd.DataFrame]], outcome: str, *, by_value: bool) -> NextExperiment:
    records = []
    for one, found in judged:
        before, after = found["variance_before"].mean(), found["variance_after"].mean(skipna=False)
        record = {"regime": one.regime.label, "setting": one.setting, "rows": one.rows, "cost": one.cost}
        record |= {"variance_before": before, "variance_after": after, "reduction": float(_share(before, after))}
        record |= {"value_of_information": found["value_of_information"].iloc[0]}
        records.append(record | {"identified_after": bool(found["identified_after"].all())})
    ranking = pd.DataFrame(records)
    key = "value_of_information" if by_value else "reduction"
    ranking = ranking.sort_values([key, "reduction"], ascending=False, kind="stable")
    order = ranking.index.to_numpy()
    ranking = ranking.reset_index(drop=True)
    ranking.insert(0, "rank", np.arange(1, len(ranking) + 1))
    parts = []
    for rank, i in enumerate(order, start=1):
        one, found = judged[i]
        head = {"rank": rank, "regime": one.regime.label, "setting": one.setting, "rows": one.rows, "cost": one.cost}
        parts.append(found.assign(**head, reduction=_share(found["variance_before"], found["variance_after"])))
    columns = [*head, "query", "variance_before", "variance_after", "reduction"]
    columns += ["identified", "identified_after", "value_of_information", "note"]
    table = pd.concat(parts, ignore_index=True)[columns]
    return NextExperiment(table, ranking, tuple(judged[i][0] for i in order), outcome)


def _share(before: Any, after: Any) -> FloatArray:
    """Share of the variance that goes; none of nothing, for example of a difference of an effect with itself."""
    first, then = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    return np.where(first > 0, 1.0 - then / np.where(first > 0, first, 1.0), 0.0)


def read_decision(questions: Sequence[Question], posterior: EffectPosterior, offset: FloatArray) -> Decision:
    """Check that the options can be compared.

    Raises
    ------
    QueryError
        If there are fewer than two, or one is a contrast.
    """
    rows = np.concatenate([question.rows(posterior) for question in questions])
    if any(question.versus is not None for question in questions) or len(rows) < 2:
        raise QueryError(
            "decision needs two options or more, each an effect: {'do': {...}} with arrays or a frame, one entry an "
            "option, and no 'versus'. For one effect or contrast use questions."
        )
    return Decision(rows, offset)
