"""What Nearkeep does not have yet of what the oracle asks for.

A family that is named here is compared as far as its commands go; one that has become complete fails
until its name is taken out.
"""

NOT_THERE_YET = frozenset({"server"})
