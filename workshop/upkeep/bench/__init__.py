"""`nox -s bench`: how fast the workshop and its app are, each figure beside a floor.

A time says little about another machine. So each figure is a ratio to a floor that was measured in
the same run, in turns with it. A timing never fails anything.
"""
