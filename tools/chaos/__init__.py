"""Orders while things fail, and an audit of what is left: `make chaos`."""
