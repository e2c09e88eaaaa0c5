"""Encoder models: a fine-tuned transformer, quantised to 8-bit integers and run by ONNX Runtime."""
