"""Who hears of which changed row."""
