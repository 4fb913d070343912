"""Running checks and explaining verdicts. Only this room starts workers; it prints nothing."""
