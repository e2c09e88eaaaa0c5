"""Train the encoder: fine-tuning in PyTorch, and export to ONNX; only this package imports PyTorch, and lazily."""
