"""Training: fit, calibrate, evaluate and write a model."""
