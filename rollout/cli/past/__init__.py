"""What Prometheus remembers: counted again, for a backtest and for a plan's outlook."""
