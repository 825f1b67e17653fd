"""Figures against the floor, measured in one run on one control plane. `make bench` calls it."""
