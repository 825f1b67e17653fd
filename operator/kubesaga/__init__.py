"""kubesaga: multi-step work on Kubernetes that finishes or is undone."""
