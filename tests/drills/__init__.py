"""What must hold when a deployment is broken on purpose, with figures for docs/reliability.md."""
