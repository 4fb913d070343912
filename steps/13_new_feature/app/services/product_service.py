"""What the application does with products."""
