"""The OpenAPI document against the service: `make openapi`, and its short form among the tests."""
