"""The scaled fleet on AWS: make, change, end and check its stacks."""
