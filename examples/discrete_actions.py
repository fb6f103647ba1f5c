"""Joint effects of actions that are labels, beside the exact truth.

A shop chooses an offer (A, B or none), a price level and whether to send a newsletter. Each was randomised in a
test of its own, never all together. The world is one of `simulate.discrete`: random tables, three unobserved
confounders, effects exact by enumeration. Run it from anywhere:

    python examples/discrete_actions.py
"""

import numpy as np
import pandas as pd

import bayes_ivgen as ivg

LABELS = {
    "offer": ["A", "B", "none"],
    "price": ["low", "middle", "high"],
    "channel": ["letter", "mail", "shop"],
}
ACTIONS = list(LABELS)
ROWS = 20_000

world = ivg.simulate.discrete(n_actions=3, n_levels=3, seed=5)
renamed = dict(zip(world.actions, ACTIONS, strict=True))
rows = world.sample_regimes(world.standard_regimes(ROWS // 4), seed=1).rename(columns=renamed)
rows["regime"] = rows["regime"].replace({f"do({old})": f"do({new})" for old, new in renamed.items()})
for name, labels in LABELS.items():
    rows[name] = np.array(labels, dtype=object)[rows[name].astype(int)]
rows["price"] = pd.Categorical(rows["price"], LABELS["price"], ordered=True)

data = ivg.RegimeData.from_frame(rows, outcome="y", actions=ACTIONS)
print(data.categories)
fit = ivg.InterventionModel().fit(data, seed=0, progressbar=False)
print(fit.graph)

cells = np.indices((3, 3, 3)).reshape(3, -1).T
queries = pd.DataFrame({name: np.array(LABELS[name], dtype=object)[cells[:, k]] for k, name in enumerate(ACTIONS)})
table = fit.effect(do=queries).summary(0.9)
table["truth"] = world.effect(cells.astype(float))
table["naive"] = world.effect(cells.astype(float), do="obs")
print(table.drop(columns=["supported", "reason"]).round(2).to_string(index=False))


def rms(error: pd.Series) -> float:
    return float(np.sqrt((error**2).mean()))


inside = ((table["lower"] <= table["truth"]) & (table["truth"] <= table["upper"])).mean()
print(f"error of the posterior mean: {rms(table['mean'] - table['truth']):.3f}")
print(f"error of reading the history as if it were an experiment: {rms(table['naive'] - table['truth']):.3f}")
print(f"cells whose truth lies in the 90 % interval: {inside:.0%}")
