"""Pictures of tables; they know nothing of models, take an Axes and return it."""

from bayes_ivgen.plots.band import plot_band
from bayes_ivgen.plots.curve import plot_curve
from bayes_ivgen.plots.forest import MAX_ROWS, plot_forest
from bayes_ivgen.plots.graph import plot_graph
from bayes_ivgen.plots.p_values import plot_p_values
from bayes_ivgen.plots.predicted import plot_predicted

__all__ = ["MAX_ROWS", "plot_band", "plot_curve", "plot_forest", "plot_graph", "plot_p_values", "plot_predicted"]
