"""What users hold: the model specification, the fit, and summaries of rows that stay elsewhere."""

from bayes_ivgen.interface.fit import Fit
from bayes_ivgen.interface.intervention_model import InterventionModel
from bayes_ivgen.interface.row_summary import RowSummary

__all__ = ["Fit", "InterventionModel", "RowSummary"]
