"""What users hold: the model specification and the fit."""

from bayes_ivgen.interface.fit import Fit
from bayes_ivgen.interface.intervention_model import InterventionModel

__all__ = ["Fit", "InterventionModel"]
