"""The Node clients, run by node's own test runner."""
