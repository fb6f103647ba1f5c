"""Rows that ship with the package: a media mix drawn by its own simulator; `make` draws them again."""
