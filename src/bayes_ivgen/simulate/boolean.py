"""Pairs of boolean worlds that only a joint experiment can tell apart."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from bayes_ivgen.errors import SpecError
from bayes_ivgen.simulate._checks import check_fraction, check_integer
from bayes_ivgen.simulate.finite import DiscreteSCM, product_law
from bayes_ivgen.simulate.scm import action_names

Example = Literal["example1", "twins"]
EXAMPLES: tuple[str, ...] = get_args(Example)
DEFAULT_P = 0.6


def boolean_example(which: Example = "example1", world: int = 0, p: float | None = None) -> DiscreteSCM:
    """One of two worlds with equal laws of (Y, A) in ``obs``, ``do(a1)`` and ``do(a2)`` but another joint.

    Parameters
    ----------
    which : {"example1", "twins"}
        ``"example1"``: ``C_1, C_2 ~ Bernoulli(p)``, ``A_1 := C_1``, ``A_2 := A_1 and C_2``, and

        - world 0: ``Y := A_1 and A_2 and C_2``, with ``E[Y | do(0, 1)] = 0``;
        - world 1: ``Y := (A_1 or C_1) and A_2 and C_2``, with ``E[Y | do(0, 1)] = p^2``.

        ``"twins"``: full support in every regime, no edge. ``C_k`` is fair, ``A_k`` equals ``C_k`` with
        probability 0.8, and Y is Bernoulli with mean

        - world 0: ``F_0 = 0.5 + 0.05 (a_1 + a_2) + 0.05 (c_1 - 0.5) + 0.05 (c_2 - 0.5)``;
        - world 1: ``F_1 = F_0 + 0.5 d(a_1, c_1) d(a_2, c_2)``, ``d(a, c) = (1 - 2 c) P(A = a | C = 1 - c)``.

        World 0 is additive, world 1 is not: additivity across confounders cannot be tested without a
        regime that sets two actions.
    world : {0, 1}
        Which of the pair.
    p : float, optional
        Probability of the confounders of ``"example1"``, 0.6 by default; ``"twins"`` has none.

    Returns
    -------
    DiscreteSCM
        Actions ``a1`` and ``a2``, binary outcome ``y``.

    Raises
    ------
    SpecError
        If an argument is outside its range, or `p` is given with ``"twins"``.

    Notes
    -----
    ``"example1"`` has the properties of Example 1 in Kekic, Garrido Mejia, Schölkopf (ICML 2025): the cell
    (0, 1) has no support in ``obs`` and ``do(a1)``, ``do(a2)`` at 0 gives Y = 0 always, and the joint effect
    at (0, 1) is ``p^2``. Its equations are our own construction from these properties, not copied from the
    paper. Verified by enumeration for many p: the laws of (Y, A) agree in the three regimes, and the joint
    effects differ at (0, 1) alone. ``"twins"`` is our own pair and is verified the same way.

    Examples
    --------
    >>> [float(ivg.simulate.boolean_example("example1", world, p=0.5).effect([[0, 1]])[0]) for world in (0, 1)]
    [0.0, 0.25]
    """
    if which not in EXAMPLES:
        raise SpecError(f"which must be one of {list(EXAMPLES)}. Got {which!r} instead; pass which='twins'.")
    number = check_integer(world, "world", least=0, most=1)
    if which == "example1":
        return _example_1(number, check_fraction(DEFAULT_P if p is None else p, "p"))
    if p is not None:
        raise SpecError(f"p belongs to 'example1' only. Got p={p!r} with 'twins'; leave p out.")
    return _twins(number)


def _example_1(world: int, p: float) -> DiscreteSCM:
    actions = action_names(2)
    a1, a2, c1, c2 = np.indices((2, 2, 2, 2))
    seen = a1 if world == 0 else a1 | c1
    return DiscreteSCM(
        actions=actions,
        outcome="y",
        parents={"a1": (), "a2": ("a1",)},
        mechanisms=(np.array([[0], [1]]), np.array([[[0], [0]], [[0], [1]]])),
        confounder_law=product_law([[1.0 - p, p]] * 2),
        noise_law=np.ones((1, 1)),
        outcome_mean=(seen & a2 & c2).astype(float),
    )


def _twins(world: int) -> DiscreteSCM:
    flip = 0.2
    a1, a2, c1, c2 = np.indices((2, 2, 2, 2))
    mean = 0.5 + 0.05 * (a1 + a2) + 0.05 * (c1 - 0.5) + 0.05 * (c2 - 0.5)
    if world == 1:
        d1, d2 = ((1 - 2 * c) * np.where(a == 1 - c, 1.0 - flip, flip) for a, c in ((a1, c1), (a2, c2)))
        mean = mean + 0.5 * d1 * d2
    flipped = np.array([[0, 1], [1, 0]])
    return DiscreteSCM(
        actions=action_names(2),
        outcome="y",
        parents={"a1": (), "a2": ()},
        mechanisms=(flipped, flipped),
        confounder_law=np.full((2, 2), 0.25),
        noise_law=product_law([[1.0 - flip, flip]] * 2),
        outcome_mean=mean,
    )
