"""Scoring: how a file becomes a copy of it with predictions."""
