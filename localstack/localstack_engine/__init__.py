"""Waybill's plugin of LocalStack: the code inside LocalStack's process, which runs in `.venv/localstack`."""
