"""What a report is made of: plain tables and texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Answers:
    """One set of questions with its answers.

    Attributes
    ----------
    title : str
        What was asked.
    labels : tuple of str
        Each question in words.
    table : DataFrame
        ``mean``, ``sd``, ``lower``, ``upper``, ``supported`` and ``reason``, one row a question.
    neutral : float or None
        Value that means no effect.
    refused : tuple of (str, str)
        Questions without an answer, and why.
    """

    title: str
    labels: tuple[str, ...]
    table: pd.DataFrame = field(repr=False)
    neutral: float | None = None
    refused: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, eq=False)
class Along:
    """Curves along one action.

    Attributes
    ----------
    curve : DataFrame
        Response curve: the action, ``mean``, ``lower``, ``upper``, ``supported``.
    observational : DataFrame or None
        The same as it is read where the action was seen; None where `reason` says why.
    bias : DataFrame or None
        Their difference, or their ratio.
    tried, seen : ndarray
        Values at which the action was set, and left alone.
    reason : str
        Why there is no observational reading.
    """

    curve: pd.DataFrame = field(repr=False)
    observational: pd.DataFrame | None = field(default=None, repr=False)
    bias: pd.DataFrame | None = field(default=None, repr=False)
    tried: FloatArray = field(default_factory=lambda: np.empty(0), repr=False)
    seen: FloatArray = field(default_factory=lambda: np.empty(0), repr=False)
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Evidence:
    """The graph and what the data say about each pair: ``cause``, ``effect``, ``edge``, ``p_value``, ``where``."""

    edges: tuple[tuple[str, str], ...]
    pairs: pd.DataFrame = field(repr=False)
    learned: bool = True


@dataclass(frozen=True)
class Calibration:
    """The check of one action that was set alone; `away` is how many standard deviations `finding` is about."""

    action: str
    passed: bool
    p_value: float
    finding: str
    away: float
    advice: str


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of one regime: outcomes that occurred (n,), and data sets that the model draws (draws, n)."""

    regime: str
    observed: FloatArray = field(repr=False)
    replicated: FloatArray = field(repr=False)


@dataclass(frozen=True, eq=False)
class Implication:
    """Something that the assumptions imply, and whether the rows contradict it; untested ones have no p-value."""

    name: str
    passed: bool | None
    p_value: float | None
    finding: str
    advice: str = ""


@dataclass(frozen=True, eq=False)
class Checks:
    """Fit against rows; `note` says why something is missing, or why p-values would not be right (not `judged`)."""

    calibrations: tuple[Calibration, ...] = ()
    residuals: pd.DataFrame | None = field(default=None, repr=False)
    outcomes: tuple[Rows, ...] = ()
    note: str = ""
    implications: tuple[Implication, ...] = ()
    judged: bool = True


@dataclass(frozen=True, eq=False)
class Sampler:
    """Health of the chains, and the influence of the priors.

    Attributes
    ----------
    table : DataFrame
        ``r_hat``, ``ess_bulk`` and ``ess_tail`` of the worst entry of each quantity.
    mixed : bool
        Whether the effects can be trusted.
    verdict : str
        The same in words.
    priors : tuple of str
        One line a prior.
    sensitivity : DataFrame or None
        ``prior``, ``likelihood`` and ``diagnosis`` for each answer, or None where `note` says why.
    """

    table: pd.DataFrame = field(repr=False)
    mixed: bool = True
    verdict: str = ""
    priors: tuple[str, ...] = ()
    sensitivity: pd.DataFrame | None = field(default=None, repr=False)
    note: str = ""


@dataclass(frozen=True)
class Assumption:
    """What is taken for granted, and what could show that it is wrong."""

    what: str
    test: str


@dataclass(frozen=True, eq=False)
class CarryOver:
    """Transforms of the actions, and what became of the rows.

    Attributes
    ----------
    transforms : tuple of (str, str, str, str)
        Action, kind, numbers, and where the numbers are from.
    rows : DataFrame or None
        ``week``, ``became``, ``rows`` and ``kept``; None where nothing carries over, so that every row counts.
    row_worth : float
        How many independent rows each counts as in intervals of effects.
    """

    transforms: tuple[tuple[str, str, str, str], ...]
    rows: pd.DataFrame | None = field(default=None, repr=False)
    row_worth: float = 1.0

    @property
    def read(self) -> int:
        """Rows that were read; 0 where all count."""
        return 0 if self.rows is None else int(self.rows["rows"].sum())


@dataclass(frozen=True, eq=False)
class Facts:
    """Everything that the page tells.

    Attributes
    ----------
    outcome : str
        Name of the outcome.
    actions : tuple of str
        Names of the actions.
    units : mapping of str to str
        Units of columns.
    quantity : str
        What effects are about: ``mean``, or ``location of``.
    prob : float
        Mass of all intervals.
    question, answer : str
        One sentence each.
    regimes : DataFrame
        ``regime``, ``variable``, ``rows``, ``was_set``, ``mean``, ``low``, ``high``.
    identified : DataFrame
        Indexed by effect: ``identified``, ``missing``.
    evidence, along, answers, checks, sampler, assumptions
        The parts above; `along` may be a reason why there are no curves.
    settings : mapping of str to str
        Versions, and how the fit was made.
    carried : CarryOver or None
        Carry-over and saturation, of fits that have them.
    """

    outcome: str
    actions: tuple[str, ...]
    units: Mapping[str, str]
    quantity: str
    prob: float
    question: str
    answer: str
    regimes: pd.DataFrame = field(repr=False)
    identified: pd.DataFrame = field(repr=False)
    evidence: Evidence = field(repr=False)
    along: Mapping[str, Along] | str = field(repr=False)
    answers: Sequence[Answers] = field(repr=False)
    checks: Checks = field(repr=False)
    sampler: Sampler = field(repr=False)
    assumptions: Sequence[Assumption] = field(repr=False)
    settings: Mapping[str, str] = field(repr=False)
    carried: CarryOver | None = field(default=None, repr=False)

    def label(self, name: str) -> str:
        """Return a column's name with its unit."""
        return f"{name} ({self.units[name]})" if name in self.units else name

    @property
    def mean_label(self) -> str:
        """What curves show."""
        return f"{self.quantity} {self.label(self.outcome)}"
