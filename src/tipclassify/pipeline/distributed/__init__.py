"""Scoring past one machine: the inputs are cut into parts, Dask workers score them, each part becomes one Parquet file.

>>> from tipclassify.pipeline.distributed import score
>>> outcome = score(["reports/", "s3://bucket/pages/*.html"], "findings")  # doctest: +SKIP

``findings/passages`` then holds one row a passage, with the columns and values of ``tipclassify score --format parquet``;
``findings/errors`` what could not be read; ``findings/manifest.json`` every file with its rows and SHA-256. Called again, it
computes what is missing or changed and nothing else.

Dask is imported when `score` is called, not before: ``pip install 'tipclassify[dask]'``.
"""

from tipclassify.pipeline.distributed.scoring import Outcome, score

__all__ = ["Outcome", "score"]
