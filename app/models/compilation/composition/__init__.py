"""Models that are put together from other compiled models, or are a formula."""
