"""Read saved web pages: their text without menus, banners and other boilerplate.

``page`` splits a page at its tags; ``elements`` classifies elements by tag and attributes; ``lines`` reads headings,
paragraphs, list entries and table rows; ``boilerplate`` removes lines by their links and stock phrases.
"""
