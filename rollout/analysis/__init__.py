"""What the numbers mean: counts to verdicts; nothing is fetched from here."""
