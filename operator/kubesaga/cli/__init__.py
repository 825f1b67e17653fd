"""The command line: `kubesaga` without a cluster, and the operator's own command."""
