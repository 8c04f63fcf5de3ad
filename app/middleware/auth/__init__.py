"""May this request be answered: whose API key or token does it carry, and with which scopes?"""
