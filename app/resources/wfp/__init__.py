"""Shapes of WFP that several resources share."""
