"""Measurements against PyTorch. Nothing here is a test."""
