"""MLflow: models in its format, in a folder, a zip or a registry, and what their files say."""
