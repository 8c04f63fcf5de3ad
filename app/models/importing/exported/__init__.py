"""Exported models: from the arrays and answers that ``tools/export_model.py`` wrote to a version."""
