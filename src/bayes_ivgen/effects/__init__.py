"""From draws of coefficients to answers: effects, contrasts, curves."""

from bayes_ivgen.effects.estimate import Estimate
from bayes_ivgen.effects.natural_rows import NaturalRows
from bayes_ivgen.effects.outcome import OutcomeNoise, outcome
from bayes_ivgen.effects.posterior import EffectPosterior
from bayes_ivgen.effects.queries import Queries, parse_queries
from bayes_ivgen.effects.support import Support

__all__ = [
    "EffectPosterior",
    "Estimate",
    "NaturalRows",
    "OutcomeNoise",
    "Queries",
    "Support",
    "outcome",
    "parse_queries",
]
