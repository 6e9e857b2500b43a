"""Other controllers' objects to ours, field by field; what is not converted is always said."""
