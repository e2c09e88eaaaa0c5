"""Where models are found by name, and how they come there."""
