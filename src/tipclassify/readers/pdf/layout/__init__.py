"""Words with positions in, paragraphs in reading order out, independent of PDF.

Coordinates are points, y downwards; text is at its baseline. An em is the type size.
"""
