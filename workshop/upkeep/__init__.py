"""What maintainers measure and make: mutants, branches, benchmarks, tests. No learner needs it."""
