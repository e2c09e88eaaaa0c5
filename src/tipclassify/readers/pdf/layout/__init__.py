"""Words on pages in, paragraphs in reading order out, whatever wrote the file; nothing here knows of PDF.

``pages`` gathers words to fragments and rows, ``running`` drops heads and page numbers, ``columns`` puts the parts of
a page in order, ``lines`` reads them line by line, ``runs`` parts paragraphs, ``flow`` joins what columns and pages
break, ``hyphens`` what lines break.

Coordinates are points, x to the right, y downwards from the top of the page; the y of text is its baseline. An em is
the type size.
"""
