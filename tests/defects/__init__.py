"""Seeded defects: one-line mutations of the real code, each of which the suites have to catch.

`python -m defects` plants each of them in a copy of the code and runs against it the suites that are said to catch it.
A suite that passes then does not hold the rule that it is there for.
"""
