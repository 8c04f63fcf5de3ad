"""Models of old scikit-learn versions, fitted and exported where they were made, and served here."""
