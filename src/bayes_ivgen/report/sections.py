"""The sections of the page in their order."""

from __future__ import annotations

from bayes_ivgen.report.blocks import Section
from bayes_ivgen.report.carry_sections import carry_over
from bayes_ivgen.report.check_sections import assumptions, checks, made_how, priors, sampler
from bayes_ivgen.report.effect_sections import answers, biases, curves
from bayes_ivgen.report.facts import Facts
from bayes_ivgen.report.rows_sections import evidence, identified, rows


def sections_of(facts: Facts) -> list[Section]:
    """Turn tables into sections."""
    before, after = (
        (answers, rows),
        (identified, evidence, curves, biases, checks, sampler, priors, assumptions, made_how),
    )
    transforms = [] if facts.carried is None else [carry_over(facts.carried)]
    return [*(part(facts) for part in before), *transforms, *(part(facts) for part in after)]
