"""Media mixes: carry-over and saturation of spends, columns of season and trend.

Examples
--------
>>> Adstock(alpha=0.5, l_max=3).weights.round(3).tolist()
[0.571, 0.286, 0.143]
>>> float(Saturation("michaelis_menten", lam=20.0)(20.0))
0.5
"""

from bayes_ivgen.media.adstock import Adstock
from bayes_ivgen.media.columns import seasonality, trend
from bayes_ivgen.media.saturation import Saturation

__all__ = ["Adstock", "Saturation", "seasonality", "trend"]
