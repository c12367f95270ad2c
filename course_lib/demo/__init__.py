"""What shows trained networks to people: an app of widgets, and a static page."""

CAPTIONS = {  # of a photograph through the shipped networks; the page loads them in this order
    "photo-van-gogh": "as a Van Gogh",
    "photo-ukiyo-e": "as a Japanese print",
    "photos-colour": "colours guessed from grey",
}
