"""The resources, one small router for each, and what they share."""
