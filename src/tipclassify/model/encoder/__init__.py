"""The encoder: a fine-tuned transformer, run by ONNX Runtime in whole numbers of 8 bits. Scoring only; nothing here trains.

Nothing of it is imported unless a model of its kind is asked for. Extra ``encoder``.
"""
