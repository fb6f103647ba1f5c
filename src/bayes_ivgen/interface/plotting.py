"""Pictures of a fit: ``fit.plot.curves()`` and its neighbours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.effects.estimate import DEFAULT_PROB, check_prob
from bayes_ivgen.errors import QueryError
from bayes_ivgen.interface import picture_tables as tables
from bayes_ivgen.interface.panels import panel_axes, share_scale
from bayes_ivgen.interface.picture_labels import PictureLabels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    AxesArray = NDArray[np.object_]


@dataclass(frozen=True)
class FitPlots(PictureLabels):
    """Pictures of one fit; every method takes `ax`, draws on it, and returns it. ``fit.plot()`` draws `curves`.

    Pictures of the sampler are ArviZ's: ``az.plot_trace_dist(fit.datatree)``, ``az.plot_rank``, ``az.plot_forest``.

    Parameters
    ----------
    fit : Fit
        The fit.
    units : mapping of str to str
        Units of columns, written beside their names; see `with_units`.

    Examples
    --------
    >>> ax = fit.plot.with_units({"sales": "thousand euro"}).curves("tv")
    >>> ax.get_ylabel() == fit.plot.with_units({"sales": "thousand euro"}).mean_label
    True
    """

    def __call__(
        self, actions: str | Sequence[str] | None = None, *, prob: float = DEFAULT_PROB, ax: Any = None
    ) -> Axes | AxesArray:
        """Draw the response curves, as `curves` does: ``fit.plot()``.

        Raises
        ------
        QueryError
            If an action is unknown, for example the name of another picture.
        """
        if isinstance(actions, str) and actions not in self.fit.actions:
            names = [name for name, item in vars(FitPlots).items() if callable(item) and not name.startswith("_")]
            raise QueryError(
                f"{actions!r} is not an action: fit.plot() draws the response curves of {list(self.fit.actions)}, or "
                f"of those that are named. Every picture is a method: {', '.join(f'fit.plot.{n}' for n in names)}."
            )
        return self.curves(actions, prob=prob, ax=ax)

    def curves(
        self, actions: str | Sequence[str] | None = None, *, prob: float = DEFAULT_PROB, ax: Any = None
    ) -> Axes | AxesArray:
        """Response curves: the outcome if an action is set, the others set to their observed values.

        Ticks at the bottom are values at which the action was set.

        Parameters
        ----------
        actions : str or sequence of str, optional
            One action, or several side by side; by default all.
        prob : float
            Mass of the bands.
        ax : Axes or array of Axes, optional
            Where to draw, one for each action; by default a new figure.

        Returns
        -------
        Axes
            Or an array of them, shape (actions,), unless `actions` is a single name.

        Raises
        ------
        QueryError
            If an action is unknown, or there are not as many axes as actions.
        IdentificationError
            If the joint effect is not identified.

        Examples
        --------
        >>> fit.plot.curves(["tv", "web"]).shape
        (2,)
        """
        from bayes_ivgen.plots import plot_curve

        def draw(action: str, panel: Axes) -> None:
            table = self.fit.response_curve(action).summary(check_prob(prob))
            plot_curve(table, prob=prob, ax=panel, **self._along(action))

        return self._panels(actions, ax, draw)

    def bias(
        self, actions: str | Sequence[str] | None = None, *, prob: float = DEFAULT_PROB, ax: Any = None
    ) -> Axes | AxesArray:
        """Beside each response curve what rows seem to say in which the action was left alone.

        The distance of the two is the confounding bias. Blue ticks are values that were set, orange ones values that
        came about.

        Parameters
        ----------
        actions, prob, ax
            As in `curves`.

        Returns
        -------
        Axes
            Or an array of them, as in `curves`.

        Raises
        ------
        QueryError
            As in `curves`.
        IdentificationError
            If an action has no observational reading.

        Examples
        --------
        >>> ax = fit.plot.bias("tv")
        """
        from bayes_ivgen.plots import plot_readings

        def draw(action: str, panel: Axes) -> None:
            both = tables.readings(self.fit, tables.check_action(self.fit, action), check_prob(prob))
            seen = tables.tried_values(self.fit, action, was_set=False).tolist()
            plot_readings(*both, prob=prob, seen=seen, ax=panel, **self._along(action))

        return self._panels(actions, ax, draw)

    def surface(
        self,
        x: str,
        y: str,
        *,
        do: Mapping[str, Any] | None = None,
        value: Literal["mean", "sd"] = "mean",
        points: int = tables.SURFACE_POINTS,
        ax: Axes | None = None,
    ) -> Axes:
        """Joint effect over two actions; what the data do not support is hatched.

        Parameters
        ----------
        x, y : str
            The two actions, over all values at which they were set or seen.
        do : mapping, optional
            One value for each of the other actions; those left out are held at their observed values.
        value : {"mean", "sd"}
            Posterior mean or standard deviation.
        points : int
            Grid points along an action that is not tried at few levels.
        ax : Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        Axes

        Raises
        ------
        QueryError
            If an action is unknown or named twice.
        IdentificationError
            If the joint effect is not identified.

        Examples
        --------
        >>> ax = fit.plot.surface("tv", "web", points=9)
        """
        from bayes_ivgen.plots import plot_surface

        if value not in ("mean", "sd"):
            raise QueryError(f"value={value!r} is not known; valid are 'mean' and 'sd'.")
        fixed = dict(do or {})
        table = tables.surface_table(self.fit, x, y, fixed, points=points, prob=DEFAULT_PROB)
        rest = [name for name in self.fit.actions if name not in (x, y, *fixed)]
        conditions = [f"{name} = {number}" for name, number in fixed.items()]
        conditions += [f"{', '.join(rest)} held at observed values"] if rest else []
        return plot_surface(
            table,
            x=x,
            y=y,
            label=self.mean_label if value == "mean" else f"posterior sd of the {self.mean_label}",
            value=value,
            x_label=self.label(x),
            y_label=self.label(y),
            title="; ".join(conditions),
            ax=ax,
        )

    def contrasts(self, *, prob: float = DEFAULT_PROB, ax: Axes | None = None) -> Axes:
        """Compare lower with upper quartile of each action, the others held, and of all of them together.

        Comparisons that are not identified are left out; other ones are drawn by ``fit.contrast(...).plot()``.

        Parameters
        ----------
        prob : float
            Mass of the intervals.
        ax : Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        Axes

        Raises
        ------
        QueryError
            If none is identified, or `prob` is no probability.

        Examples
        --------
        >>> len(fit.plot.contrasts().get_yticklabels())
        3
        """
        from bayes_ivgen.plots import plot_forest

        found = [item for item in tables.usual_contrasts(self.fit) if item.estimate is not None]
        if not found:
            raise QueryError("no contrast of the actions is identified; see fit.profiles.identified().")
        parts = [item.estimate.summary(check_prob(prob)) for item in found if item.estimate is not None]
        return plot_forest(
            pd.concat(parts, ignore_index=True)[["mean", "lower", "upper", "supported"]],
            labels=[item.label for item in found],
            title=f"change of {self.mean_label}, lower to upper quartile",
            prob=prob,
            neutral=0.0,
            ax=ax,
        )

    def regimes(self, *, ax: Axes | None = None) -> Axes:
        """Rows of each regime and the range of each action in it.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        Axes

        Examples
        --------
        >>> ax = fit.plot.regimes()
        """
        from bayes_ivgen.plots import plot_regimes

        return plot_regimes(tables.regime_table(self.fit), ax=ax)

    def outcome(
        self,
        regime: str = "obs",
        *,
        data: RegimeData | None = None,
        prob: float = DEFAULT_PROB,
        seed: int = 0,
        ax: Axes | None = None,
    ) -> Axes:
        """Outcomes that the model draws for up to 200 rows of a regime, against those that occurred.

        Parameters
        ----------
        regime : str
            Label of the regime.
        data : RegimeData, optional
            The rows; by default those that the fit kept (normal likelihood only).
        prob : float
            Mass of the band over data sets drawn by the model.
        seed : int
            Seed of the noise.
        ax : Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        Axes

        Raises
        ------
        QueryError
            If there are no rows of this regime.

        Examples
        --------
        >>> ax = fit.plot.outcome("do(tv)")
        """
        from bayes_ivgen.plots import plot_outcome

        wanted = Regime.parse(regime, self.fit.actions)
        found = {rows.regime: rows for rows in tables.rows_of(self.fit, data, tables.PREDICTED_ROWS)}
        if wanted not in found:
            have = ", ".join(known.label for known in found)
            raise QueryError(f"there are no rows of {wanted.label}; the regimes are {have}.")
        rows = found[wanted]
        drawn = tables.replicates(self.fit, rows, seed=seed)
        name = self.label(self.fit.outcome_name)
        return plot_outcome(rows.outcome, drawn, label=name, prob=check_prob(prob), title=wanted.label, ax=ax)

    def residuals(self, *, data: RegimeData | None = None, ax: Axes | None = None) -> Axes:
        """Outcome minus its posterior mean in up to 400 rows of each regime; `data` as in `outcome`.

        Parameters
        ----------
        data : RegimeData, optional
            As in `outcome`.
        ax : Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        Axes

        Examples
        --------
        >>> ax = fit.plot.residuals()
        """
        from bayes_ivgen.plots import plot_residuals

        table = tables.residual_table(self.fit, data)
        return plot_residuals(table, label=self.label(self.fit.outcome_name), ax=ax)

    def graph(self, *, ax: Axes | None = None) -> Axes:
        """Which action drives which, with p-values where the data were asked.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        Axes

        Examples
        --------
        >>> ax = fit.plot.graph()
        """
        return self.fit.graph.plot(self.fit.actions, ax=ax)

    def _along(self, action: str) -> dict[str, Any]:
        """Labels of a picture along one action, and the values at which it was set."""
        return {
            "x": action,
            "label": self.mean_label,
            "x_label": self.label(action),
            "tried": tables.tried_values(self.fit, action, was_set=True).tolist(),
        }

    def _panels(
        self, actions: str | Sequence[str] | None, ax: Any, draw: Callable[[str, Axes], None]
    ) -> Axes | AxesArray:
        names = [actions] if isinstance(actions, str) else list(self.fit.actions if actions is None else actions)
        for name in names:
            tables.check_action(self.fit, name)
        places = panel_axes(len(names), ax)
        for name, place in zip(names, places, strict=True):
            draw(name, place)
        if ax is None:
            share_scale(places)
        return places[0] if isinstance(actions, str) else places
