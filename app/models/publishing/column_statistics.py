"""Training statistics per feature, the baseline of outliers and drift."""

from typing import Any

import numpy as np
import pandas as pd

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
MAX_CATEGORIES = 1000


def describe_column(column: "pd.Series[Any]") -> dict[str, Any]:
    """Count, missing values, and the distribution (numbers) or the frequencies (others) of a column.

    The standard deviation is that of the population (ddof 0), as in `StandardScaler`.
    """
    present = column.dropna()
    summary: dict[str, Any] = {"count": len(column), "missing": int(column.isna().sum())}
    if present.empty:
        return summary
    if pd.api.types.is_numeric_dtype(present):
        values = present.to_numpy(dtype=np.float64)
        with np.errstate(over="ignore", invalid="ignore"):  # the squares of numbers may overflow
            quantiles = np.nan_to_num(np.quantile(values, QUANTILES)).tolist()
            mean, std = np.nan_to_num([values.mean(), values.std()]).tolist()
        return summary | {
            "min": float(values.min()),
            "max": float(values.max()),
            "mean": mean,
            "std": std,
            "quantiles": {f"{q:g}": value for q, value in zip(QUANTILES, quantiles, strict=True)},
        }
    frequencies = present.astype(str).value_counts()
    if len(frequencies) > MAX_CATEGORIES:
        lengths = present.astype(str).str.len()
        return summary | {"distinct": len(frequencies), "mean_length": float(lengths.mean())}
    return summary | {"frequencies": {str(k): int(v) for k, v in frequencies.items()}}
