"""Words in, paragraphs in reading order out, in points, y downwards.

Text is at its baseline, an em its type size.
"""
