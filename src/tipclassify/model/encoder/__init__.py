"""Encoder models: a fine-tuned transformer, quantised to 8 bits and run by ONNX Runtime; scoring only.

Imported only if a model of this kind is loaded.
"""
