"""What orders use of AWS, and what that costs: `make cost`."""
