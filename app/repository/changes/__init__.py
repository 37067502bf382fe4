"""Changes: the journal, and the watchers that follow it."""
