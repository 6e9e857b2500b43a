"""One door a file: ``read(data)`` takes one input there, and judges what comes of it."""
