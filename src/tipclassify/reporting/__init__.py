"""Tags as results: counted, compared, drawn, written."""
