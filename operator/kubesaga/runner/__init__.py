"""Workflows without a cluster: run here as local processes, or in virtual time."""
