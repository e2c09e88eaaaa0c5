"""Read saved web pages: their text without menus, banners and the like."""
