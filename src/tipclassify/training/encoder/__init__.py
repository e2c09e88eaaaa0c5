"""Train the encoder: fine-tuning in PyTorch, and export to ONNX.

`settings`: hyperparameters; `bases`: pretrained models; `network`: the network and its folder; `batches`: tokens and
batches; `checkpoints`: saving and resuming; `fitting`: the training loop; `exporting`: ONNX and quantization; `recipe`:
all steps in order. Only this package imports PyTorch, and the rest of the library imports it lazily.
"""
