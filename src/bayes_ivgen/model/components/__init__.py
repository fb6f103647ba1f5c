"""The additive components of the outcome mean and their columns (design 1.1).

E[Y | a, R] = alpha + sum_k m_k(a_k) + sum_k (1 - R_k) c_k(a_k, a_pa(k)) + s(a) + q(x), every
function a sum of terms: a block of columns whose coefficients share one scale.
"""

from typing import Any

from bayes_ivgen.model.components.base import Component, Term, TermType, size_of
from bayes_ivgen.model.components.causal import CausalComponent
from bayes_ivgen.model.components.common_level import CommonLevel
from bayes_ivgen.model.components.confounding import ConfoundingComponent, RawColumns
from bayes_ivgen.model.components.covariate import CovariateComponent
from bayes_ivgen.model.components.dataset_offset import DatasetOffset
from bayes_ivgen.model.components.interaction import InteractionComponent

__all__ = [
    "CausalComponent",
    "CommonLevel",
    "Component",
    "ConfoundingComponent",
    "CovariateComponent",
    "DatasetOffset",
    "InteractionComponent",
    "RawColumns",
    "Term",
    "TermType",
    "component_from_dict",
    "size_of",
]

_KINDS: dict[str, type[Component]] = {
    kind.kind: kind
    for kind in (
        CausalComponent,
        ConfoundingComponent,
        CommonLevel,
        InteractionComponent,
        CovariateComponent,
        DatasetOffset,
    )
}


def component_from_dict(data: dict[str, Any]) -> Component:
    """Restore a component written by its ``to_dict``."""
    return _KINDS[data["kind"]].from_dict(data)
