"""Git kept in force: what a commit asks for, written, and remembered with its reason."""
