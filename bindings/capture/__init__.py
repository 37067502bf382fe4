"""Captures: everything that an engine gives, as JSON lines, and how the simulator replays them."""
