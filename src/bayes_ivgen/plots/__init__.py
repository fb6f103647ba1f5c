"""Pictures of tables; they know nothing of models, take an Axes and return it."""

from bayes_ivgen.plots.band import plot_band
from bayes_ivgen.plots.curve import plot_curve
from bayes_ivgen.plots.forest import MAX_ROWS, plot_forest
from bayes_ivgen.plots.frontier import plot_frontier
from bayes_ivgen.plots.graph import plot_graph
from bayes_ivgen.plots.next_experiment import plot_next_experiment
from bayes_ivgen.plots.outcome import plot_outcome
from bayes_ivgen.plots.p_values import plot_p_values
from bayes_ivgen.plots.predicted import plot_predicted
from bayes_ivgen.plots.readings import plot_readings
from bayes_ivgen.plots.regimes import plot_regimes
from bayes_ivgen.plots.residuals import plot_residuals
from bayes_ivgen.plots.surface import plot_surface

__all__ = [
    "MAX_ROWS",
    "plot_band",
    "plot_curve",
    "plot_forest",
    "plot_frontier",
    "plot_graph",
    "plot_next_experiment",
    "plot_outcome",
    "plot_p_values",
    "plot_predicted",
    "plot_readings",
    "plot_regimes",
    "plot_residuals",
    "plot_surface",
]
