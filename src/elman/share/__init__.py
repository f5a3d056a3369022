"""Models that leave the house, and weights that come in: one module for each place.

`docs/share.md` says what each form holds and how other programs read it.
"""
