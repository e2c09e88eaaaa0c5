"""Review page: annotators correct labels in a local browser, and retrain the model."""
