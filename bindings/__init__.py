"""The filter engine: knows C, knows neither HTTP nor pydantic."""
