"""Admission webhooks: who is asked about a write, what is sent, and what becomes of the answer."""
