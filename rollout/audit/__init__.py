"""What is recorded for good: who did what by which proof, as lines that vouch for each other."""
