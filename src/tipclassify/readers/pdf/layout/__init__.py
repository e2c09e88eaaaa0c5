"""Analyse page layout: words with positions in, paragraphs in reading order out, independent of PDF.

``pages`` groups words into fragments and rows, ``running_headers`` drops headers and page numbers, ``columns`` orders
regions of a page, ``lines`` reads them, ``grouping`` splits paragraphs, ``flow`` joins them across columns and pages,
``hyphens`` across lines. Coordinates are points, y downwards; text is at its baseline. An em is the type size.
"""
