"""Training: fit, calibrate, measure, write a model."""
