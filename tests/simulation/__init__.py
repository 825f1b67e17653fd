"""Seeded runs of the real controller in virtual time, against a simulated cluster in which things go wrong."""
