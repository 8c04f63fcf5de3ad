"""Does this service answer the requests of an old server's log as the old server did?"""
