"""Engines: ways of computing a fitted model's predictions."""
