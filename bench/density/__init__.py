"""How full the lines of functions are."""

MEASURES = ("journeyman",)
