"""Training: from a data set to a fitted estimator with its metrics."""
