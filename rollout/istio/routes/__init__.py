"""The routes inside one VirtualService: which are ours to turn, and what they should be."""
