"""Which step repeats a fitted transformer?"""
