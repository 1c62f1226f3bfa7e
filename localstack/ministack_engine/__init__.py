"""What runs inside the process of the local engine, MiniStack."""
