"""What must hold when a deployment is broken on purpose: `make drill`, with figures for docs/reliability.md."""
