"""Fan-out of any world to many machines."""
