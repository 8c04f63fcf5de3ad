"""Certification: does an engine answer what scikit-learn answers, on the rows where it is hardest?"""
