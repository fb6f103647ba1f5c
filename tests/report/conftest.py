"""A page from made-up tables, with names that would break it if they were not escaped."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen.report import (
    Along,
    Answers,
    Assumption,
    Calibration,
    Checks,
    Evidence,
    Facts,
    Implication,
    Rows,
    Sampler,
)

ODD = "<b>&'"


@pytest.fixture(scope="session")
def facts() -> Facts:
    """Two actions; the answer of one question is not supported."""
    rng = np.random.default_rng(0)
    x = np.linspace(0.0, 10.0, 30)
    curve = pd.DataFrame({ODD: x, "mean": x, "lower": x - 1, "upper": x + 1, "supported": x < 8})
    other = pd.DataFrame({"web": x, "mean": -x, "lower": -x - 1, "upper": 1 - x, "supported": True})
    bias = other.assign(mean=0.3 * x)
    table = pd.DataFrame(
        {
            "mean": [1234.5, 2.0],
            "sd": [10.0, 1.0],
            "lower": [1220.25, 0.5],
            "upper": [1250.75, 3.5],
            "supported": [True, False],
            "reason": ["", "web=9 is above"],
        }
    )
    regimes = pd.DataFrame(
        [
            (label, name, rows, label == f"do({name})", 0.0, 10.0, 5.0)
            for label, rows in (("obs", 1500), (f"do({ODD})", 20), ("do(web)", 30))
            for name in (ODD, "web")
        ],
        columns=["regime", "variable", "rows", "was_set", "low", "high", "mean"],
    )
    return Facts(
        outcome="sales $\\oops$ <script>alert(1)</script>",
        actions=(ODD, "web"),
        units={"web": "km/h & more"},
        quantity="mean",
        prob=0.8,
        question="How much?",
        answer="By 1,234 (80 % interval 1,220 to 1,251).",
        regimes=regimes,
        identified=pd.DataFrame(
            {"identified": [True, False], "missing": ["", "do(web)"]}, index=["obs", f"do({ODD},web)"]
        ),
        evidence=Evidence(
            ((ODD, "web"),),
            pd.DataFrame(
                [(ODD, "web", True, 1e-20, f"in do({ODD})"), ("web", ODD, False, np.nan, "")],
                columns=["cause", "effect", "edge", "p_value", "where"],
            ),
        ),
        along={
            ODD: Along(curve, tried=np.array([0.0, 10.0]), reason="no regime leaves it alone"),
            "web": Along(other, other, bias, tried=np.array([0.0, 10.0]), seen=np.array([1.0])),
        },
        answers=(Answers("Joint effect", (f"{ODD}=3", "web=9"), table, 0.0, (("radio", "not identified"),)),),
        checks=Checks(
            (Calibration("web", False, 0.002, "fit 3, rows 4", 3.1, "Look at the graph."),),
            pd.DataFrame({"regime": ["obs"] * 20, "residual": rng.normal(size=20)}),
            (Rows("obs", rng.normal(size=50), rng.normal(size=(40, 50))),),
            implications=(
                Implication("invariance", False, 0.001, "the law of web differs", "Two actions may share a cause."),
                Implication("additivity", None, None, "it needs a regime that sets two actions"),
            ),
        ),
        sampler=Sampler(
            pd.DataFrame({"r_hat": [1.2345], "ess_bulk": [321.0], "ess_tail": [210.0]}, index=["effects"]),
            mixed=False,
            verdict="The chains did not mix well.",
            priors=("alpha ~ Normal(mu=0, sigma=5)", "(in units of the standard deviation of the outcome)"),
            sensitivity=pd.DataFrame({"prior": [0.2], "likelihood": [0.1]}, index=["web=9"]),
        ),
        assumptions=(Assumption("The mean outcome is a sum.", "No row can contradict it."),),
        settings={"engine": "conjugate", "seed": "0"},
    )
