"""Files from disk and from afar, unpacked, cached and shared between processes."""
