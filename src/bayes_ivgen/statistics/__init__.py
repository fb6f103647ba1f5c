"""Per-regime sufficient statistics: accumulate, add, save."""

from bayes_ivgen.statistics.accumulate import accumulate
from bayes_ivgen.statistics.sufficient import SufficientStatistics

__all__ = ["SufficientStatistics", "accumulate"]
