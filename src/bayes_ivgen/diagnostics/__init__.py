"""Checks that could refute a fit."""

from bayes_ivgen.diagnostics.calibration import calibration_check
from bayes_ivgen.diagnostics.result import CheckResult

__all__ = ["CheckResult", "calibration_check"]
