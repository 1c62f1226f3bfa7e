"""Starts local engines, deploys to them, and runs the mail inbox, a local Stripe and proxies."""
