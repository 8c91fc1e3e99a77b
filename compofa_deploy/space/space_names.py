"""The names of the spaces. Nothing is imported here, so the command line lists them at no cost."""

COMPOFA, COMPOFA_ELASTIC, OFA = "compofa", "compofa-elastic", "ofa"

SPACES = (COMPOFA, COMPOFA_ELASTIC, OFA)

LISTED_SPACE = COMPOFA
"""The space whose subnets are all listed and compared."""
