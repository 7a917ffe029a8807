"""What the operating system has to do with it: files that appear whole, interrupts, limits, the console."""
