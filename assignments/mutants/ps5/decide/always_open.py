"""Never decides.

message: claim's side
"""


def decide(differences):
    return "open"
