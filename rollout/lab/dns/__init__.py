"""A zone with weighted records, its name servers, and external-dns as it programs them."""
