"""Worlds with a known truth: structural causal models (SCMs) that are sampled and asked exactly.

Every world is an `SCM`: it samples rows in any regime and answers ``E[Y | do(a_S), a_rest seen]`` in closed
form where that is tractable (the joint effect always is).

Examples
--------
>>> import bayes_ivgen as ivg
>>> world = ivg.simulate.polynomial(n_actions=3, seed=1)
>>> rows = world.sample_regimes(world.standard_regimes(100), seed=0)
>>> list(rows.columns)
['regime', 'a1', 'a2', 'a3', 'y']
>>> world.effect(rows[["a1", "a2", "a3"]]).shape
(400,)
"""

from bayes_ivgen.simulate.boolean import boolean_example
from bayes_ivgen.simulate.finite import DiscreteSCM, discrete
from bayes_ivgen.simulate.lognormal import LinearLognormalSCM, linear_lognormal
from bayes_ivgen.simulate.media import MediaMixSCM, media_mix
from bayes_ivgen.simulate.media_series import MediaSeriesSCM, media_series
from bayes_ivgen.simulate.multiplicative import MultiplicativeSCM, multiplicative
from bayes_ivgen.simulate.polynomials import PolynomialSCM, polynomial
from bayes_ivgen.simulate.scm import SCM
from bayes_ivgen.simulate.structured import StructuredSCM, structured

__all__ = [
    "SCM",
    "DiscreteSCM",
    "LinearLognormalSCM",
    "MediaMixSCM",
    "MediaSeriesSCM",
    "MultiplicativeSCM",
    "PolynomialSCM",
    "StructuredSCM",
    "boolean_example",
    "discrete",
    "linear_lognormal",
    "media_mix",
    "media_series",
    "multiplicative",
    "polynomial",
    "structured",
]
