"""Training of the encoder: fine-tuning in PyTorch, distillation, and the export to what scoring reads.

`settings` what is chosen, `network` the network and its folder, `batches` sentences of like length together, `checkpoints`
where a run that was broken off goes on, `fitting` the loop, `exporting` ONNX and whole numbers, `recipe` all steps in order.
PyTorch is imported here only, and nothing else of the library imports from here.
"""
