"""Review page: annotators correct the labels of reports in a local browser; their decisions retrain the model.

From the bottom up: `events` (decisions in order) and `log` (their file); `derived` (the corpus made from them);
`opened` (the reports under review); `session` (all of this for one annotator); `retraining` and its process `learning`;
`security` and `server` (HTTP on a loopback port).
"""
