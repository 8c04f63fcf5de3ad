"""From a stored version to one in memory: verified, unpickled, replayed on its golden rows."""
