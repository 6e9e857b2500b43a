"""Nouns to words for people; nothing is sent from here."""
