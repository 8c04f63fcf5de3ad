"""Loading: from a stored version to one in memory, verified, unpickled and replayed on its golden rows."""
