"""A saved web page in, its lines of text out, without the site around them.

``page`` cuts the page at its tags; ``elements`` tells what the attributes of each say, and which are boilerplate
(menus, banners, what is not shown); ``lines`` reads the others into headings, paragraphs, list entries and table rows;
``boilerplate`` leaves out the lines that are the site's, by their links and by wording that every site has.
"""
