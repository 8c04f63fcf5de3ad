"""JSON documents of other servers' protocols: what do several of them have in common?"""
