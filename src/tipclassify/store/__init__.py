"""What people decide: labels, checks and notes, kept."""
