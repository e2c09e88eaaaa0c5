"""The tree of a web page, serialised, in; its lines of text out, without the site around them.

``page`` cuts the page at its tags, ``walk`` goes along them and leaves out what ``judging`` holds for furniture (menus,
banners, what is not shown), ``tags`` says what each tag does to the ``draft`` of the lines. ``furniture`` then leaves out
the lines that are the site's, by their links and by wording that every site has (``stock``).
"""
