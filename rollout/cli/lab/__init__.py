"""The lab as a person uses it: started, stocked with a shop, pushed to, and the demo played."""
