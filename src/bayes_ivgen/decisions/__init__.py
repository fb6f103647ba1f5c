"""From effects to decisions."""

from bayes_ivgen.decisions.allocation import allocate
from bayes_ivgen.decisions.result import Allocation

__all__ = ["Allocation", "allocate"]
