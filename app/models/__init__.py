"""The core: which model answers, and how it got there; it knows no Flask."""
