"""Generates new contexts and functions: `make new-context`, `make new-function`."""
