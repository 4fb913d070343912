"""What people type: each command a function of a few lines. No rule of the workshop lives here."""
