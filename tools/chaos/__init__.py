"""Places orders while faults are injected, and audits the data afterwards: `make chaos`."""
