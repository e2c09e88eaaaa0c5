"""Words in, paragraphs in reading order out, in points, y downwards; text is at its baseline, an
em its type size."""
