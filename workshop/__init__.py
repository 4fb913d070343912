"""The machinery of the workshop: steps, stages, the learner's folder, and running checks."""
