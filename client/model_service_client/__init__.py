"""Client of the model service: rows, frames and files in, predictions out."""

from model_service_client.answers import Contribution, Explanation, Health, Prediction
from model_service_client.client import Client
from model_service_client.errors import (
    AuthenticationError,
    ClientError,
    ConnectionFailed,
    Fault,
    InvalidInput,
    NotFound,
    Overloaded,
    PermissionDenied,
    RateLimited,
    ServerError,
    Timeout,
)

__version__ = "0.1.0"
__all__ = [
    "AuthenticationError",
    "Client",
    "ClientError",
    "ConnectionFailed",
    "Contribution",
    "Explanation",
    "Fault",
    "Health",
    "InvalidInput",
    "NotFound",
    "Overloaded",
    "PermissionDenied",
    "Prediction",
    "RateLimited",
    "ServerError",
    "Timeout",
]
