"""Starts local engines, deploys to them, and runs the mail inbox, Stripe and proxies beside them."""
