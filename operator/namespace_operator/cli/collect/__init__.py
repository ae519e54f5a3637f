"""What the commands find out, as frozen values that say nothing of how they are shown."""
