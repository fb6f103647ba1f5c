"""What to do with a posterior: how to spend a budget, which experiment to run next, how to plan a study."""

from bayes_ivgen.decisions.allocation import allocate
from bayes_ivgen.decisions.experiments import Experiment
from bayes_ivgen.decisions.next_experiment import NextExperiment
from bayes_ivgen.decisions.result import Allocation
from bayes_ivgen.decisions.study import Split, StudyPlan, optimal_split, study_plan

__all__ = [
    "Allocation",
    "Experiment",
    "NextExperiment",
    "Split",
    "StudyPlan",
    "allocate",
    "optimal_split",
    "study_plan",
]
