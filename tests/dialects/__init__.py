"""Calls of every dialect, compared with the native API's answers and refusals."""
