"""What maintainers run to see that everything holds; no learner's command needs it."""
