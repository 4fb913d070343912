"""The floors: the least that an application can do to answer the requests that the bench sends.

Each answers the same query as the solution, with the same JSON, and hashes the password of a
sign-up; and none has layers, schemas for its answers, settings, or a look at whether a connection
still lives. What the solution takes longer is the price of all that.
"""
