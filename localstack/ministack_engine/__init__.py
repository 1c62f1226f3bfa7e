"""The process of the local engine: MiniStack with its patches, and the mail inbox."""
