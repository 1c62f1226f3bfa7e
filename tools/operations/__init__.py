"""Operates a running stack, local or on AWS."""
