"""PDF: glyphs to lines, columns, paragraphs and headings."""
