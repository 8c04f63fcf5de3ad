"""Publishing: from a fitted model to a version that provably serves the model's predictions."""
