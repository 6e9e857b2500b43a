"""external-dns's JSON to nouns and back; name servers are asked elsewhere."""
