"""Which columns moved an answer, and by how much?"""
