"""What operators do with a whole database: export, import, back up, publish."""
