"""What is patched in MiniStack's internals, in one place, a module for each part of it."""

PINNED = "1.5.33"  # internals change without notice: the patches are for this version alone
