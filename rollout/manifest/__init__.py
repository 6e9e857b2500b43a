"""Text to nouns and back; every mistake with its file and line."""
