"""The paper's own estimator."""

from __future__ import annotations

from bayes_ivgen.baselines._ridge import fit_ridge, predict, regime_rows
from bayes_ivgen.baselines.contract import Experiment, Prediction


def plug_in(experiment: Experiment, degree: int = 3) -> Prediction:
    """Add up one unrestricted regression per single intervention and subtract the observational one.

    Parameters
    ----------
    experiment : Experiment
        Rows of ``obs`` (where K > 1) and of ``do(k)`` for every action k are used.
    degree : int
        Degree of the polynomials: 3 in the polynomial worlds, 1 in the linear ones of the workshop version.

    Raises
    ------
    DataError
        If a regime has no rows, or too few.

    Notes
    -----
    Equation 17 of Kekic, Garrido Mejia, Schölkopf (ICML 2025), from the decomposition in equations 9 to 17::

        E[Y | do(a)] = sum_k E[Y | do(a_k), a_rest] - (K - 1) E[Y | a]

    The authors hold out 20 % of the rows of every data set and never use them; here all rows are fitted.
    ``benchmarks/reference.py`` compares the two implementations on equal numbers of training rows.
    """
    k = len(experiment.actions)
    terms = [(1.0, regime_rows(experiment, action)) for action in experiment.actions]
    if k > 1:
        terms.append((1.0 - k, regime_rows(experiment)))
    fits = [fit_ridge(experiment, rows, degree) for _, rows in terms]
    return predict(experiment, fits, [weight for weight, _ in terms])
