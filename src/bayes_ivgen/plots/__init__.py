"""Pictures of tables; they know nothing of models, take an Axes and return it."""

from bayes_ivgen.plots.curve import plot_curve
from bayes_ivgen.plots.forest import MAX_ROWS, plot_forest
from bayes_ivgen.plots.frontier import plot_frontier
from bayes_ivgen.plots.graph import plot_graph

__all__ = ["MAX_ROWS", "plot_curve", "plot_forest", "plot_frontier", "plot_graph"]
