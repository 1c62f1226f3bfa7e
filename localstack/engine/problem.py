"""The error that ends a command with a message for the user."""


class Problem(Exception):
    """A problem that the user has to solve. Its message is one line that says what to do."""
