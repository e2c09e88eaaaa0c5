"""Reporting: tagged reports counted, compared, drawn and written."""
