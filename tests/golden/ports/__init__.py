"""Transcripts of `klipkit ports`, and the folder trees that they look at."""
