"""Read PDF files: glyphs to lines, columns, paragraphs and headings."""
