"""Benchmarks of Waybill. Each starts its own stacks."""
