"""Regimes and the rows observed in them."""

from bayes_ivgen.data.regime import Regime
from bayes_ivgen.data.regime_data import RegimeData

__all__ = ["Regime", "RegimeData"]
