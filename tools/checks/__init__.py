"""Checks of the code, the templates and running stacks."""
