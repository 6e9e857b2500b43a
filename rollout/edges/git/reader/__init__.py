"""What runs in a child: fetches one repository, or reads one commit; it may die without us."""
