"""The service: knows HTTP, knows no C."""
