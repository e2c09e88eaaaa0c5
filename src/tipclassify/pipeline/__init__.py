"""Pipelines: many inputs, many processes, and the steps that build on tagged passages."""
