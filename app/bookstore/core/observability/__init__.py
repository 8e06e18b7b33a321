"""What those who run the shop see of it: health, log lines and metrics."""
