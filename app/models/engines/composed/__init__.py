"""Kernels without a graph of their own: ensembles of other kernels, and models that are a formula."""
