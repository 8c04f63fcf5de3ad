"""Fitted transformers as plain numbers, without scikit-learn."""
