"""Tests of the solution app, whole: real processes, real databases, a real browser."""
