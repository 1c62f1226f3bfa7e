"""Tests of the plugin. They run in LocalStack's environment, without LocalStack: `make test` runs them in the lane `localstack`."""
