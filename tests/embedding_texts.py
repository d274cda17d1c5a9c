"""Four texts, two of them equal, for the tests of embedding."""

TEXTS = [
    "The food was slow.",
    "Lovely view!",
    "Rude staff, cold soup",
    "The food was slow.",
]
