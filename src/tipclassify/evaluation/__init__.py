"""Evaluation: metrics, confidence intervals, error analysis, agreement, behavioural tests."""
