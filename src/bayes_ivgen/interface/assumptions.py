"""What a fit takes for granted, in plain words, and what could show that it is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_ivgen.report import Assumption

if TYPE_CHECKING:
    from bayes_ivgen.interface.fit import Fit


def assumptions_of(fit: Fit) -> list[Assumption]:
    """List the assumptions of the model that was fitted."""
    found = [_sum(fit), _confounders(fit), _randomised(), _stable(), _graph(fit)]
    if fit.model.separable:
        found.append(
            Assumption(
                "Confounders shift the outcome by as much whatever the action is (confounding='separable').",
                "Fit again without it and compare the answers: a large difference speaks against it.",
            )
        )
    return [*found, _range()]


def _sum(fit: Fit) -> Assumption:
    names = f"the {len(fit.design.structure.units)} blocks of actions" if fit.model.blocks else "each action"
    form = {
        "identity": f"a sum of contributions, one of {names}",
        "log": f"a product of factors, one of {names}",
        "log_complement": f"such that it stays away only if it does so for {names}",
    }[fit.model.link]
    synergy = " and of the interactions that the model states" if fit.model.synergy else ""
    several = [regime.label for regime in fit.regimes if len(regime.set_actions) > 1]
    test = (
        f"The rows of {', '.join(several)} set several actions and can contradict it: see the check of additivity and "
        "their residuals."
        if several
        else "No row here can contradict it: it would take rows in which two actions are set together."
    )
    return Assumption(f"The mean outcome is {form}{synergy}.", test)


def _confounders(fit: Fit) -> Assumption:
    given = fit.design.structure.covariates
    among = f", given {', '.join(given)}" if given else ""
    blocks = "; actions of one block may share one" if fit.model.blocks else ""
    return Assumption(
        f"What drives one action and the outcome does not drive another action{among}{blocks}.",
        "In part: the check of invariance sees a shared cause where it changes the law of one action once the other is "
        "set. Name what could move two actions at once, and make it a covariate or put these actions into a block.",
    )


def _randomised() -> Assumption:
    return Assumption(
        "In a test the set values did not depend on anything unseen that drives the outcome, and what was set is what "
        "happened.",
        "Known from how the test was run: drawn at random, and complied with. The check of assignment sees set values "
        "that follow an action which was left alone.",
    )


def _stable() -> Assumption:
    return Assumption(
        "All regimes come from one population and one time: nothing else changed between them.",
        "In part: the checks of calibration and of invariance fail if the rows of a test differ from what the other "
        "regimes imply. A shift of the outcome that is the same for all values of an action looks like confounding.",
    )


def _graph(fit: Fit) -> Assumption:
    words = "learned" if fit.model.graph == "learn" else "given"
    return Assumption(
        f"The graph ({words}) has every arrow from an action to one that it drives.",
        "The p-values above test pairs whose first action was set; small effects of few rows go unseen. Fit again with "
        "graph='full' and compare.",
    )


def _range() -> Assumption:
    return Assumption(
        "Curves are smooth, and go on beyond the values that were tried as the basis says.",
        "Answers that rest on it are flagged as not supported; smoothness shows in the residuals.",
    )
