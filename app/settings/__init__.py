"""The settings: their model, the file and the folder they come from, and limits grouped by part."""
