"""Which requests does a log hold, and how were they answered there?"""
