"""Tools for operating a running stack, local or on AWS."""
