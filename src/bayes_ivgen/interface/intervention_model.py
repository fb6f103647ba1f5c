"""The model: its specification held against data, frozen, printable, fitted without being changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bayes_ivgen.basis import BSpline
from bayes_ivgen.data import RegimeData
from bayes_ivgen.data.lift_tests import LiftTests
from bayes_ivgen.errors import SpecError
from bayes_ivgen.interface.carried import carried_data
from bayes_ivgen.interface.columns_in_use import check_columns_in_use
from bayes_ivgen.interface.model_spec import ModelSpec
from bayes_ivgen.interface.pymc_effects import PymcEffects
from bayes_ivgen.interface.spec_shown import SpecShown
from bayes_ivgen.media.transforms import any_sampled
from bayes_ivgen.model import ActionGraph, Design, Priors
from bayes_ivgen.model.build import build_design
from bayes_ivgen.model.family_rows import collapse, predictor_scale, read_rows
from bayes_ivgen.model.graph_check import with_evidence
from bayes_ivgen.model.graph_learning import learn_graph
from bayes_ivgen.model.linear import LinearObservations

if TYPE_CHECKING:
    import pymc as pm

    from bayes_ivgen.interface.fit import Fit


@dataclass(frozen=True, repr=False)
class InterventionModel(ModelSpec, PymcEffects, SpecShown):
    """An additive model of the outcome in all regimes at once (docs/theory/decomposition.md, equation 1).

    E[Y | a, R] = alpha + sum_k m_k(a_k) + sum_k (1 - R_k) c_k(a_k, a_pa(k)) + s(a) + q(x), where
    R_k = 1 if action k was set by the experimenter; after equations 9 to 17 of Kekić et al. (ICML
    2025), with c_k restricted to its own action and the actions that drive it. s(a) and q(x) are
    there on request; with covariates x is an argument of every c_k.

    Parameters
    ----------
    causal : BSpline or Polynomial
        Basis of the causal components m_k.
    confounding : BSpline, Polynomial or "separable"
        Basis of the confounding components c_k. ``"separable"`` is a `BSpline` without levels: it
        assumes f_k(a, c) = m(a) + l(c), no interaction of an action with its confounder.
    graph : {"learn", "full", "empty"} or ActionGraph
        Which actions may enter a confounding component: learned from the regimes that randomise
        one action, all earlier actions, none, or your own.
    blocks : list of lists of str, optional
        Actions that are always set together, ``[["tv", "radio"]]``, and may share their confounder;
        an action that is not named is a block of its own.
    covariates : mapping of str to {"outcome", "confounding", "causal"}, optional
        Where covariates of the data enter. By default ``"confounding"``: in q(x) and as arguments
        of the c_k. ``"outcome"``: in q(x) only, for one that moves no action. ``"causal"``: the
        effects m_k(a_k, x) depend on it, too; needed where it predicts a confounder.
    synergy : bool or list of (str, str)
        Pairs of actions with an interaction s_jk(a_j, a_k) in every regime; True is all pairs.
    likelihood : {"normal", "gamma", "negative_binomial", "bernoulli", "student_t"}
        Working law of the outcome given its mean. All but ``"normal"`` need ``engine="nuts"``.
        ``"student_t"`` changes the estimand to a location, and a fit warns of it.
    link : {"identity", "log", "log_complement"}
        Scale on which the components add up: E[Y] (normal, student_t), log E[Y] where factors
        multiply (gamma, negative_binomial), -log(1 - E[Y]) where there is no success unless some
        action works (bernoulli); docs/theory/links.md has the derivation.
    noise : {"additive", "regime", "constant"}
        The likelihood has one noise scale for each regime, or with ``"constant"`` one for all.
        Outcome draws follow the additive variance model, the variances of the regimes, or the one.
    weights : None or "variance"
        ``"variance"``: rows count by the inverse of their noise variance, which a first fit without
        weights estimates. Pays where the noise of one regime differs strongly between its rows.
    priors : mapping of str to pymc_extras Prior, optional
        Changes to the default priors by name; ``print(model.prior_table())`` shows all.
    transforms : mapping of str to Adstock, Saturation or (Adstock, Saturation), optional
        Carry-over and saturation of actions (`bayes_ivgen.media`) in rows with a time. Effects are then about steady
        spends: ``do={"tv": 80}`` is 80 a week, week after week (docs/theory/carry_over.md).

    Raises
    ------
    SpecError
        If an argument is not valid.

    Examples
    --------
    >>> model = ivg.InterventionModel(graph=ivg.ActionGraph({"web": ["tv"]}), confounding="separable")
    >>> model.separable, model.noise, model.family.name
    (True, 'additive', 'normal')
    """

    def carry_over(self, data: RegimeData) -> RegimeData:
        """Return the rows that a fit uses: spends carried over, each row in the regime that its spends belong to.

        Parameters that are not numbers are chosen by marginal likelihood; ``.carried`` of the result says how, and
        which rows were left out. Those with a prior stand at a first guess, at which knots are placed.
        Data that are carried over already, and all data of a model without transforms, stay.

        Parameters
        ----------
        data : RegimeData
            Rows as they were read, with a time.

        Returns
        -------
        RegimeData

        Raises
        ------
        SpecError
            If the rows have no order, were carried over for other actions, or the likelihood cannot choose parameters.
        DataError
            If no row has a whole history.

        Examples
        --------
        >>> carried = weekly_model.carry_over(weekly)
        >>> weekly.n_rows, carried.n_rows, carried.regimes
        (720, 560, (Regime('obs'), Regime('do(tv)'), Regime('do(web)')))
        """
        return carried_data(self, data)

    def action_graph(self, data: RegimeData) -> ActionGraph:
        """Return the graph that a fit to `data` uses, with what the data say about it as its evidence.

        Parameters
        ----------
        data : RegimeData
            Rows of one or more regimes.

        Returns
        -------
        ActionGraph

        Raises
        ------
        SpecError
            If the graph names something that is not an action of the data.

        Examples
        --------
        >>> model.action_graph(data).edges
        (('tv', 'web'),)
        """
        data = self.carry_over(data)
        if isinstance(self.graph, ActionGraph):
            self.graph.check_actions(data.actions)
            return with_evidence(data, self.graph)
        if self.graph == "learn":
            return learn_graph(data, units=self.structure(data).units)
        return with_evidence(data, ActionGraph.full(data.actions) if self.graph == "full" else ActionGraph.empty())

    def design(self, data: RegimeData, graph: ActionGraph | None = None) -> Design:
        """Fix bases and coefficient layout by `data`.

        Parameters
        ----------
        data : RegimeData
            Rows of one or more regimes.
        graph : ActionGraph, optional
            By default that of `action_graph`.

        Returns
        -------
        Design
            ``design.rows(values, was_set)`` has shape (n, n_coefficients).

        Raises
        ------
        SpecError
            If the model does not fit the data.

        Examples
        --------
        >>> design = model.design(data)
        >>> design.rows(np.array([[60.0, 40.0]]), np.array([[True, True]])).shape == (1, design.n_coefficients)
        True
        """
        data = self.carry_over(data)
        return build_design(
            data,
            causal=self.causal,
            confounding=BSpline() if isinstance(self.confounding, str) else self.confounding,
            graph=self.action_graph(data) if graph is None else graph,
            separable=self.separable,
            structure=self.structure(data),
            scale=predictor_scale(read_rows(data, self.family), self.family) if self.family.rowwise else None,
        )

    def fit(
        self,
        data: RegimeData,
        *,
        draws: int = 1000,
        chains: int = 4,
        tune: int = 200,
        engine: Literal["conjugate", "nuts"] = "conjugate",
        seed: int | None = None,
        cores: int | None = None,
        progressbar: bool = True,
        nuts: Mapping[str, Any] | None = None,
        lift_tests: Any = None,
        client: Any = None,
        checkpoint: str | Path | None = None,
        independent_rows: bool = False,
    ) -> Fit:
        """Sample the posterior.

        Rows of a series (read with ``time=``) resemble those before them. How much is measured in their residuals,
        and draws of effects lie further from their mean by as much as these rows are worth less than independent
        ones (docs/theory/carry_over.md, "Dependent rows"); ``fit.row_worth`` says how much.

        Parameters
        ----------
        data : RegimeData
            Rows of one or more regimes; read once.
        draws, chains, tune : int
            Kept draws of a chain, number of chains, discarded iterations of a chain.
        engine : {"conjugate", "nuts"}
            Gibbs sampling on sufficient statistics, or NUTS through PyMC on the same statistics. With
            another likelihood than the normal one only NUTS, on the rows, which are held in memory.
        seed : int, optional
            The same seed gives the same draws, whatever the number of cores.
        cores : int, optional
            Threads that sum the rows, and chains that run at the same time; by default as many as there are cores.
        progressbar : bool
            Show progress in a terminal or notebook.
        nuts : mapping, optional
            Further options of PyMC's NUTS, only with ``engine="nuts"``.
        lift_tests : data frame, optional
            Summaries of experiments beside the rows, with the columns ``channel`` (or ``action``), ``x``,
            ``delta_x``, ``delta_y`` and ``sigma`` as pymc-marketing has them: the mean outcome changed by
            ``delta_y``, with standard error ``sigma``, when the action was set from ``x`` to ``x + delta_x``
            and nothing else moved; identity link only (docs/theory/lift_tests.md).
        client : distributed.Client, optional
            The workers of its cluster sum the rows; they must see the same files. Not needed for a dask
            DataFrame (`RegimeData.from_dask`). The chains run here.
        checkpoint : path, optional
            Folder in which the sums of every two million rows of files are kept: a fit that is interrupted
            goes on from there when it is called again.
        independent_rows : bool
            Take rows with a time as independent given their actions, as those without.

        Returns
        -------
        Fit

        Raises
        ------
        SpecError
            If an argument is not valid or does not fit the data.

        Warns
        -----
        DataWarning
            If a component has more coefficients than rows that inform it.
        GraphWarning
            If a given graph leaves out an edge that the data show strongly: in a regime that sets j alone,
            j and k depend on each other, but no path of the graph leads from j to k. With a true graph
            this happens in about one fit of a hundred (docs/theory/graph.md has the figures).
        ConvergenceWarning
            If the chains did not mix.

        Examples
        --------
        >>> found = model.fit(data, draws=200, chains=2, seed=0, progressbar=False)
        >>> dict(found.datatree["posterior"]["alpha"].sizes)
        {'chain': 2, 'draw': 200}
        """
        if self.family.rowwise:
            from bayes_ivgen.interface.family_fitting import fit_family_model as fit_model
        elif any_sampled(self.transforms):
            from bayes_ivgen.interface.sampled_fitting import fit_sampled_model as fit_model
        else:
            from bayes_ivgen.interface.fitting import fit_model

        if not isinstance(independent_rows, bool):
            raise SpecError(f"independent_rows={independent_rows!r} must be True or False.")
        found = fit_model(
            self,
            data,
            draws=draws,
            chains=chains,
            tune=tune,
            engine=engine,
            seed=seed,
            cores=cores,
            progressbar=progressbar,
            nuts=nuts,
            lift_tests=lift_tests,
            client=client,
            checkpoint=checkpoint,
        )
        if independent_rows or data.series is None:
            return found
        return found.with_row_worth(found.independent_share(data))

    def read_lift_tests(self, frame: Any, data: RegimeData) -> LiftTests | None:
        """Check a frame of lift tests against the actions of the data; None stays None.

        Parameters
        ----------
        frame : data frame or None
            See `fit`.
        data : RegimeData
            Rows of one or more regimes.

        Returns
        -------
        LiftTests or None

        Raises
        ------
        DataError
            If the frame cannot be used.
        SpecError
            If the link is not the identity: the change of the mean then depends on all other actions.

        Examples
        --------
        >>> tests = pd.DataFrame({"channel": ["tv"], "x": [30.0], "delta_x": [10.0], "delta_y": [8.0], "sigma": [3.0]})
        >>> type(model.read_lift_tests(tests, data)).__name__
        'LiftTests'
        """
        if frame is None:
            return None
        if self.link != "identity":
            raise SpecError(
                f"lift_tests are changes of the mean outcome, but with link={self.link!r} components add up on "
                f"another scale: moving one action changes {'E[Y]' if self.link == 'log' else '1 - E[Y]'} by a factor, "
                "and by how much depends on all other actions, of which a lift test says nothing. Leave lift_tests "
                "out, or fit with likelihood='normal', link='identity'."
            )
        return LiftTests.from_frame(frame, data.actions)

    def to_pymc(self, data: RegimeData, *, lift_tests: Any = None) -> pm.Model:
        """Return the same model as a plain `pymc.Model` with one likelihood term a row.

        For prior predictive checks, model graphs and extensions; the rows are held in memory.
        ``outcome`` is in its own units, the parameters in units of its standard deviation. With `lift_tests`, as
        in `fit`, there is a second observed variable of that name. `effect_in` gives effects as tensors.

        Parameters
        ----------
        data : RegimeData
            Rows of one or more regimes.
        lift_tests : data frame, optional
            As in `fit`.

        Returns
        -------
        pymc.Model

        Raises
        ------
        SpecError
            If the model has weights: they are known only after a first fit; if a weight of the data is not a whole
            number; if the data or `lift_tests` hold what the likelihood has no use for.

        Examples
        --------
        >>> pm_model = model.to_pymc(data)
        >>> sorted(variable.name for variable in pm_model.free_RVs)
        ['alpha', 'hyper', 'sigma', 'tau', 'z']
        """
        if self.weights is not None:
            raise SpecError(
                f"to_pymc has no weights={self.weights!r}: they come from a first fit. Use "
                "dataclasses.replace(model, weights=None).to_pymc(data), or sample with model.fit(data, engine='nuts')."
            )
        from bayes_ivgen.model.pymc_model import rowwise_model

        if any_sampled(self.transforms):
            from bayes_ivgen.interface.sampled_fitting import sampled_pymc_model

            return sampled_pymc_model(self, data, lift_tests)
        data = self.carry_over(data)
        check_columns_in_use(data, self.family)
        tests = self.read_lift_tests(lift_tests, data)
        design = self.design(data)
        known = None if tests is None else LinearObservations.of_lift_tests(tests, design)
        if self.family.rowwise:
            from bayes_ivgen.model.family_model import family_model

            rows = collapse(read_rows(data, self.family), self.family, design)
            return family_model(rows, design, self.prior_table(), known)
        index, names = self.sigma_groups([regime.label for regime in data.regimes])
        return rowwise_model(data, design, Priors.from_user(self.priors), index, names, known)
