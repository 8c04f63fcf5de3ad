"""Quick dispatch on Flask's inner parts."""
