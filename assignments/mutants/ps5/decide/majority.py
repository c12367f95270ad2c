"""What most seeds say.

message: holds 0
"""


def decide(differences):
    n = len(differences)
    if n < 3:
        return "open"
    wins = sum(d > 0 for d in differences)
    return "supported" if wins > n / 2 else "contradicted" if wins < n / 2 else "open"
