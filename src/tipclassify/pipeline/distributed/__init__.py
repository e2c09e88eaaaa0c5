"""Distributed scoring with Dask: inputs are divided into parts, workers score them, each part gives one Parquet file.

>>> from tipclassify.pipeline.distributed import score
>>> outcome = score(["reports/", "s3://bucket/pages/*.html"], "findings")  # doctest: +SKIP

``findings/passages`` has the rows of ``tipclassify score --format parquet``, ``findings/errors`` the unreadable inputs,
``findings/manifest.json`` all files with their hashes. A second call computes only what is missing or changed. Dask is
imported when `score` is called: ``pip install 'tipclassify[dask]'``.
"""

from tipclassify.pipeline.distributed.scoring import Outcome, score

__all__ = ["Outcome", "score"]
