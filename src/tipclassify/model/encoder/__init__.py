"""Encoder models: a fine-tuned transformer, quantised to 8 bits and run by ONNX Runtime."""
