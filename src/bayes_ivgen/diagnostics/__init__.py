"""Checks that could refute a fit."""

from bayes_ivgen.diagnostics.additivity import additivity_check
from bayes_ivgen.diagnostics.calibration import calibration_check
from bayes_ivgen.diagnostics.interactions import interactions_check
from bayes_ivgen.diagnostics.invariance import assignment_check, invariance_check
from bayes_ivgen.diagnostics.left_out import LeftOutResult, left_out_check
from bayes_ivgen.diagnostics.report import CHECKS, CheckReport, run_checks
from bayes_ivgen.diagnostics.result import CheckResult
from bayes_ivgen.diagnostics.sensitivity import Sensitivity, sensitivity_of

__all__ = [
    "CHECKS",
    "CheckReport",
    "CheckResult",
    "LeftOutResult",
    "Sensitivity",
    "additivity_check",
    "assignment_check",
    "calibration_check",
    "interactions_check",
    "invariance_check",
    "left_out_check",
    "run_checks",
    "sensitivity_of",
]
