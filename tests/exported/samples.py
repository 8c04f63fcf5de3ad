"""The data of the families, made in an environment of any age: ``families.py`` imports its neighbour."""

import numpy as np
import pandas as pd
from sklearn.datasets import make_classification, make_regression

TOWNS = ["Aachen", "Berlin", "Celle", "Dresden"]
GOOD = ["good", "fine", "lovely", "Excellent", "bright", "quick", "NA", "2024", "naïve"]
BAD = ["bad", "poor", "slow", "broken", "Ugly", "late", "null", "404", "don't"]
COMMON = ["the", "a", "room", "was", "and", "very", "hotel", "İstanbul", "日本語", "straße", "of"]


def texts(n_rows, random):
    """Texts, and whether they have more good words than bad ones."""
    found, target = [], []
    for _ in range(n_rows):
        good, bad = random.choice(GOOD, random.randint(4)), random.choice(BAD, random.randint(4))
        words = np.concatenate([good, bad, random.choice(COMMON, 1 + random.randint(8))])
        found.append(" ".join(random.permutation(words)) + random.choice([".", "!", ", ok?", ""]))
        target.append("good" if len(good) > len(bad) else "bad")
    return pd.Series(found, dtype=object, name="review"), np.array(target)


def frame_of_texts(n_rows, random):
    """A frame of a number, labels and texts, and its targets."""
    reviews, target = texts(n_rows, random)
    return pd.DataFrame(
        {
            "stars": random.randint(1, 6, n_rows).astype(float),
            "review": reviews,
            "town": random.choice(TOWNS, n_rows).astype(object),
        }
    ), target


def data(kind, n_rows, seed):
    """Rows and targets: float64 (n, 6), or a frame of three numbers and two labels."""
    if kind == "texts":
        return texts(n_rows, np.random.RandomState(seed))
    if kind == "frame of texts":
        return frame_of_texts(n_rows, np.random.RandomState(seed))
    if kind == "numbers":
        return make_regression(n_rows, 6, n_targets=2, noise=3.0, random_state=seed)
    if kind in ("labels", "zeros and ones"):
        rows, three = make_classification(n_rows, 6, n_informative=4, n_classes=3, random_state=seed)
        if kind == "labels":
            return rows, np.column_stack(
                [np.array(["low", "mid", "top"])[three], np.where(three > 1, "a", "b")]
            )
        return rows, np.column_stack([three > 0, rows[:, 0] > 0]).astype(int)
    if kind == "number":
        return make_regression(n_rows, 6, noise=3.0, random_state=seed)
    if kind == "frame":
        random = np.random.RandomState(seed)
        frame = pd.DataFrame(random.normal(size=(n_rows, 3)), columns=["a", "b", "c"])
        frame["town"] = random.choice(TOWNS, n_rows).astype(object)
        frame["size"] = random.choice(["small", "large"], n_rows).astype(object)
        target = (frame["a"] + (frame["town"] == "Berlin") + random.normal(size=n_rows) > 0.5).to_numpy()
        frame.loc[random.uniform(size=n_rows) < 0.05, "b"] = np.nan
        return frame, np.where(target, "yes", "no")
    classes = 2 if kind == "two" else 3
    return make_classification(n_rows, 6, n_informative=4, n_classes=classes, random_state=seed)


def rows_like(rows, n_rows, seed):
    """Rows spread twice as far as the given ones, a tenth of them on the values of the sample."""
    random = np.random.RandomState(seed)
    if hasattr(rows, "name"):
        return texts(n_rows, random)[0]
    if hasattr(rows, "columns"):
        return rows.iloc[random.randint(len(rows), size=n_rows)].reset_index(drop=True)
    spread = rows.mean(axis=0) + 2 * rows.std(axis=0) * random.normal(size=(n_rows, rows.shape[1]))
    known = random.uniform(size=n_rows) < 0.1
    spread[known] = rows[random.randint(len(rows), size=int(known.sum()))]
    return spread
