"""What shows trained networks to people: an app of widgets, and a static page."""
