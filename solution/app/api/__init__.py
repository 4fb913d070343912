"""API: HTTP in, HTTP out. Routes call services and know no SQL."""
