"""How many requests may one key or one address make?"""
