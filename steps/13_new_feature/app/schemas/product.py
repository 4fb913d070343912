"""What a client sends to offer a product, and what anybody is shown of it."""
