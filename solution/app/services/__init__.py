"""Services: what the application does. They know models and schemas, and no HTTP."""
