"""What is fitted: the graph, the components and their columns, the priors, the PyMC model."""

from bayes_ivgen.model.design import Design
from bayes_ivgen.model.graph import ActionGraph
from bayes_ivgen.model.priors import Priors

__all__ = ["ActionGraph", "Design", "Priors"]
