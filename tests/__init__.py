"""Tests of Nearkeep: a mirror of the package, and trials against the real servers."""
