"""Typed access to the Windows filter engine, independent of HTTP and pydantic."""
