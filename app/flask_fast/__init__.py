"""Quick dispatch of requests: the only folder on Flask's inner parts; its README names them."""
