"""Hostile submissions, one file each, and what they are tried on."""
