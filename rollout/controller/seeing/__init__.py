"""What a look sees, answered from the cache; nothing is judged or written here."""
