"""Many inputs, tagged in order by one process or several."""
