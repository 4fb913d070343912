"""Tests of the machinery, of the checks themselves, and of the solution app."""
