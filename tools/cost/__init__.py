"""The AWS usage of orders and its cost: `make cost`."""
