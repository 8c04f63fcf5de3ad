"""Protocols of other model servers: decode and encode only."""
