"""Schemas and encodings of the WFP structs that several resources share."""
