"""Interactions of several parents that hold labels, in confounding components.

For numbers interactions of two suffice in practice and more would be too many columns. Tables of few
levels are small, and the law of the confounder may depend on all parents at once: with the interactions of
every subset of them any function of (a_k, a_pa(k)) is within reach, each order with a scale of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from bayes_ivgen.basis import FittedBasis, FittedProduct
from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import RegimeData

MAX_COLUMNS = 64  # of one interaction; larger ones would be mostly prior


def parent_tables(
    data: RegimeData,
    members: Sequence[str],
    parents: Sequence[str],
    margins: Mapping[str, FittedBasis],
    placed: Mapping[str, FloatArray],
    centred: Mapping[str, FloatArray],
) -> tuple[FittedProduct, ...]:
    """Interactions of two parents and more that hold labels, without and with an own action.

    Parameters
    ----------
    data : RegimeData
        Says which variables hold labels.
    members, parents : sequence of str
        Arguments of the component.
    margins : mapping of str to FittedBasis
        Basis of each argument.
    placed, centred : mapping of str to ndarray
        Rows that scale and that centre the columns.
    """
    labelled = [parent for parent in parents if parent in data.label_sets]
    found = []
    for size in range(2, len(labelled) + 1):
        for chosen in combinations(labelled, size):
            for names in (chosen, *((member, *chosen) for member in members)):
                product = FittedProduct.fit({name: margins[name] for name in names}, placed, centred)
                if 0 < product.n_columns <= MAX_COLUMNS:
                    found.append(product)
    return tuple(found)
