"""What makes a commit survive: log, checkpoint, lock."""
