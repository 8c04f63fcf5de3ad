"""Compilation: from a fitted scikit-learn estimator to the files that the engines run."""
