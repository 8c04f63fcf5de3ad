"""Certification: does an engine equal scikit-learn, on the rows where this is hardest?"""
