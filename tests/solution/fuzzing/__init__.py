"""How Schemathesis is told to use the application's OpenAPI document."""
