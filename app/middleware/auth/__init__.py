"""Authentication: API keys and bearer tokens, and the scopes of their principals."""
