"""Pure rules over a snapshot of objects; each answers with findings."""
