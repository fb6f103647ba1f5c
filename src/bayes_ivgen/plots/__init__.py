"""Pictures of tables; they know nothing of models, take an Axes and return it."""

from bayes_ivgen.plots.curve import plot_curve
from bayes_ivgen.plots.forest import MAX_ROWS, plot_forest
from bayes_ivgen.plots.graph import plot_graph
from bayes_ivgen.plots.next_experiment import plot_next_experiment

__all__ = ["MAX_ROWS", "plot_curve", "plot_forest", "plot_graph", "plot_next_experiment"]
