"""Results: findings, counts, citations, comparisons."""
