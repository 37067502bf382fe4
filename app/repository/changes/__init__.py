"""Changes: the journal of revisions, and the event streams that follow it."""
