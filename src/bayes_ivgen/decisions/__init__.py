"""What to do with a posterior: which experiment to run next, and how to plan a study."""

from bayes_ivgen.decisions.experiments import Experiment
from bayes_ivgen.decisions.next_experiment import NextExperiment
from bayes_ivgen.decisions.study import Split, StudyPlan, optimal_split, study_plan

__all__ = ["Experiment", "NextExperiment", "Split", "StudyPlan", "optimal_split", "study_plan"]
