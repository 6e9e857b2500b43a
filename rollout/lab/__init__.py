"""The local world that proves the product; a stranger to every other room."""
