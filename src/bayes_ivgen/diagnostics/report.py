"""Several checks of one fit, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd
from threadpoolctl import threadpool_limits

from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.diagnostics.additivity import additivity_check
from bayes_ivgen.diagnostics.calibration import LEAST_ROWS, calibration_check
from bayes_ivgen.diagnostics.interactions import interactions_check
from bayes_ivgen.diagnostics.invariance import assignment_check, invariance_check
from bayes_ivgen.diagnostics.result import CheckResult
from bayes_ivgen.diagnostics.same_columns import require_same_columns
from bayes_ivgen.effects import EffectPosterior
from bayes_ivgen.errors import NotTestableError, QueryError
from bayes_ivgen.shown import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CHECKS = ("invariance", "assignment", "interactions", "additivity", "calibration")


@dataclass(frozen=True, eq=False, repr=False)
class CheckReport(Shown):
    """Results of several checks by name.

    Attributes
    ----------
    results : dict of str to CheckResult
        What was checked.
    not_tested : dict of str to str
        What could not be, and why.

    Examples
    --------
    >>> report = fit.falsify(data, ["assignment", "calibration"])
    >>> len(report), report.passed, report["calibration[tv]"].name
    (3, True, 'Calibration of do(tv)')
    """

    results: Mapping[str, CheckResult]
    not_tested: Mapping[str, str] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether none of the checks failed; those that could not be carried out do not count."""
        return all(result.passed for result in self.results.values())

    def summary(self) -> pd.DataFrame:
        """One row a check.

        Returns
        -------
        DataFrame
            Indexed by ``check``: ``passed`` (<NA> where it could not be tested), ``statistic``, ``p_value``,
            ``threshold``, the measures that the checks have, and ``finding``, or why it could not be tested.

        Examples
        --------
        >>> fit.falsify(data, ["calibration"]).summary().index.tolist()
        ['calibration[tv]', 'calibration[web]']
        """
        rows = {
            name: {
                "passed": found.passed,
                "statistic": found.statistic,
                "p_value": found.p_value,
                "threshold": found.threshold,
                **found.measures,
                "finding": found.finding,
            }
            for name, found in self.results.items()
        }
        rows |= {name: {"passed": pd.NA, "finding": why} for name, why in self.not_tested.items()}
        table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("check")
        columns = [name for name in table.columns if name != "finding"]
        return table[[*columns, "finding"]].astype({"passed": "boolean"})

    def sentence(self) -> str:
        """All results in prose, failures first.

        Returns
        -------
        str

        Examples
        --------
        >>> "Calibration of do(tv)" in fit.falsify(data, ["calibration"]).sentence()
        True
        """
        ordered = sorted(self.results.values(), key=lambda result: result.passed)
        return "\n".join([*(result.sentence() for result in ordered), *(f"{w}" for w in self.not_tested.values())])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the p-value of each check and its threshold.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        QueryError
            If no check could be carried out.

        Examples
        --------
        >>> ax = fit.falsify(data, ["calibration"]).plot()
        """
        from bayes_ivgen.plots import plot_p_values

        if not self.results:
            raise QueryError("there is nothing to draw: none of the checks could be carried out; see .not_tested.")
        table = self.summary()
        return plot_p_values(table[table["p_value"].notna()], ax=ax)

    def __getitem__(self, name: str) -> CheckResult:
        if name in self.results:
            return self.results[name]
        if name in self.not_tested:
            raise NotTestableError(self.not_tested[name])
        raise QueryError(f"{name!r} is not among the checks; they are {[*self.results, *self.not_tested]}.")

    def __iter__(self) -> Iterator[str]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def _tables(self) -> dict[str, pd.DataFrame]:
        return {"checks": self.summary()}

    def __str__(self) -> str:
        return self.sentence()


def run_checks(
    posterior: EffectPosterior, data: RegimeData, checks: Sequence[str] | None, *, held_out: bool
) -> CheckReport:
    """Carry out checks by name; see `Fit.falsify`.

    Raises
    ------
    QueryError
        If a name is unknown, or the data have other columns.
    """
    require_same_columns(posterior, data)
    names = _checked(checks)
    results: dict[str, CheckResult] = {}
    not_tested: dict[str, str] = {}
    parts = {
        label: check for name in names for label, check in _parts(name, posterior, data, held_out=held_out).items()
    }
    # Matrices are small: more threads of BLAS gain little, and on a busy machine cost thirty times the time.
    with threadpool_limits(limits=1, user_api="blas"):
        for label, check in parts.items():
            try:
                results[label] = check()
            except NotTestableError as error:
                not_tested[label] = str(error)
    return CheckReport(results, not_tested)


def _checked(checks: Sequence[str] | None) -> tuple[str, ...]:
    if checks is None:
        return CHECKS
    names = (checks,) if isinstance(checks, str) else tuple(checks)
    unknown = next((name for name in names if name not in CHECKS), None)
    if unknown is not None or not names:
        raise QueryError(
            f"checks={checks!r} {'names nothing' if not names else f'names {unknown!r}, which is not a check'}; valid "
            f"are {list(CHECKS)}. Leave checks out for all of them."
        )
    return tuple(dict.fromkeys(names))


def _parts(
    name: str, posterior: EffectPosterior, data: RegimeData, *, held_out: bool
) -> dict[str, Callable[[], CheckResult]]:
    plain = {
        "invariance": invariance_check,
        "assignment": assignment_check,
        "interactions": interactions_check,
        "additivity": additivity_check,
    }
    if name in plain:
        return {name: lambda: plain[name](posterior, data)}
    alone = [
        action
        for action in posterior.actions
        if (profile := data.profiles.get(Regime((action,)))) is not None and profile.rows >= LEAST_ROWS
    ]
    if not alone:
        return {name: _no_single_test}
    return {f"calibration[{a}]": lambda a=a: calibration_check(posterior, data, a, held_out=held_out) for a in alone}  # type: ignore[misc]


def _no_single_test() -> CheckResult:
    raise NotTestableError("calibration cannot be tested: no regime sets one action alone in five rows or more.")
