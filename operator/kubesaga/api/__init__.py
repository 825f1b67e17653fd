"""The custom resources as frozen models, and the names and limits that belong to them.

Knows the shape of what users write and read; knows nothing of how it is carried out.
"""
