"""Many inputs and many processes; what goes on with tags."""
