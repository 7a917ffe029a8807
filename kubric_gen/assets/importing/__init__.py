"""Collections made from a user's files."""
