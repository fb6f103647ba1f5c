"""Pictures of tables; they know nothing of models, take an Axes and return it."""

from bayes_ivgen.plots.curve import plot_curve
from bayes_ivgen.plots.forest import plot_forest

__all__ = ["plot_curve", "plot_forest"]
