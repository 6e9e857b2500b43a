"""What the page shows, as values of JSON; nothing is sent from here, and nothing is markup."""
