"""A local page on which people correct the tags of reports; what they decide is kept, and teaches the model.

Upwards: `events` (what was decided, in order) and `log` (the file it is kept in); `derived` (the corpus that follows from it);
`opened` (the reports on the table); `session`, which is all of this for one annotator; `retraining` and its process `learning`;
`security` and `server`, which put it on a loopback port.
"""
