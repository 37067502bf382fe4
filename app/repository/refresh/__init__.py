"""Reading the engine: full refreshes, and point refreshes of dirty ids."""
