"""Schema: the model's signature, and the validation and restoration of rows by it."""
