"""Competitors of the package's own estimator, one file a method, all of one signature.

A method is a plain callable from an `Experiment` to a `Prediction`; bind its options with ``functools.partial``.
The regressions need scikit-learn (``pip install 'bayes-ivgen[benchmark]'``), which they import when called.
"""

from bayes_ivgen.baselines.additive_joint_topline import additive_joint_topline
from bayes_ivgen.baselines.constant import constant
from bayes_ivgen.baselines.contract import Experiment, Method, Prediction
from bayes_ivgen.baselines.joint_topline import joint_topline
from bayes_ivgen.baselines.observational import observational
from bayes_ivgen.baselines.plug_in import plug_in
from bayes_ivgen.baselines.pooled import pooled

__all__ = [
    "Experiment",
    "Method",
    "Prediction",
    "additive_joint_topline",
    "constant",
    "joint_topline",
    "observational",
    "plug_in",
    "pooled",
]
