"""How a request gets through Flask quickly: the only folder on Flask's inner parts; its README names them."""
