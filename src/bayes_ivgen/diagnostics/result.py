"""What every check returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from bayes_ivgen.shown import Shown


@dataclass(frozen=True, eq=False, repr=False)
class CheckResult(Shown):
    """Outcome of one check.

    Attributes
    ----------
    name : str
        The check.
    passed : bool
        Whether nothing was found: ``p_value >= threshold``.
    statistic : float
        Size of the disagreement; its law under the assumptions is in the check's own docstring.
    p_value : float
        Probability of a statistic as large if the assumptions hold.
    threshold : float
        p-value below which the check fails.
    table : DataFrame
        Where the disagreement lies.
    finding : str
        What was compared with what, and the worst place.
    advice : str
        What a failure may come from and what to do next.
    measures : mapping of str to float
        Further figures, where the check has any.

    Examples
    --------
    >>> found = fit.check_calibration(data, "tv")
    >>> found.passed == (found.p_value >= found.threshold), found.table.shape[0] > 0
    (True, True)
    """

    name: str
    passed: bool
    statistic: float
    p_value: float
    threshold: float
    table: pd.DataFrame = field(repr=False)
    finding: str = field(repr=False)
    advice: str = field(repr=False)
    measures: Mapping[str, float] = field(default_factory=dict, repr=False)

    def sentence(self) -> str:
        """One or two sentences of prose.

        Returns
        -------
        str

        Examples
        --------
        >>> fit.check_calibration(data, "tv").sentence().startswith("Calibration of do(tv)")
        True
        """
        head = f"{self.name} {'passed' if self.passed else 'failed'} (p = {self.p_value:.2g}): {self.finding}."
        return head if self.passed else f"{head} {self.advice}"

    def _tables(self) -> dict[str, pd.DataFrame]:
        return {"where": self.table}

    def __str__(self) -> str:
        return self.sentence()
