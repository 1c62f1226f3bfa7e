"""The one error that ends a command."""


class Problem(Exception):
    """Something a person has to mend; its message is one line that says what to do."""
