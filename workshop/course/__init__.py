"""What is taught: steps, stages and the agenda, read from files. It knows no learner."""
