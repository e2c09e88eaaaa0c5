"""Review page: annotators correct the labels of reports in a local browser; their decisions
retrain the model."""
