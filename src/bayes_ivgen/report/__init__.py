"""One HTML page from the tables of a fit; it knows neither models nor rows."""

from bayes_ivgen.report.facts import (
    Along,
    Answers,
    Assumption,
    Calibration,
    CarryOver,
    Checks,
    Evidence,
    Facts,
    Implication,
    Rows,
    Sampler,
)
from bayes_ivgen.report.page import render, write_page

__all__ = [
    "Along",
    "Answers",
    "Assumption",
    "Calibration",
    "CarryOver",
    "Checks",
    "Evidence",
    "Facts",
    "Implication",
    "Rows",
    "Sampler",
    "render",
    "write_page",
]
