"""What a row must be: the model's signature, and rows checked and restored by it."""
