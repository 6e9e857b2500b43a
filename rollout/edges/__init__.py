"""One outside system a file, or a room where a file is not enough; no policy."""
