"""Measurements of Waybill on stacks of its own."""
