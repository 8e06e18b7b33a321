"""Tests of the step to EKS; a package, at whose end its fixtures leave the cluster."""
