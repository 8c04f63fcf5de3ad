"""Rows on the boundaries between a model's labels."""

import numpy as np


def bisected(model, low, high):
    """Neighbouring rows of different labels: the pairs of the given rows that have such, moved together."""
    labels = model.predict(low)
    apart = labels != model.predict(high)
    low, high, labels = low[apart], high[apart], labels[apart]
    for _ in range(60):
        middle = low / 2 + high / 2
        same = (model.predict(middle) == labels)[:, None]
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return np.vstack([low, high])
