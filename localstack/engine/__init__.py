"""The local engines, and what brings the stack to them and stands beside them."""
