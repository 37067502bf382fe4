"""Files: creation, atomic replacement that keeps permissions, and watching for changes."""
