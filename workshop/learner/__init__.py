"""The learner's folder: its files, history, database and editions. Nothing here runs a check."""
