"""Request bodies: bytes to rows."""
