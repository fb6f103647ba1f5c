"""Engines that sample the posterior, and their diagnostics."""
