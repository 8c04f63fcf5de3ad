"""What the example is measured against: the pipeline and the service as the tutorial has them."""
