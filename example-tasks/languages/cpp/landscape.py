"""Draws `landscape.png`: hills, a sun and its light on water. Needs Pillow."""

import math

from PIL import Image

WIDTH, HEIGHT, FINE = 320, 200, 3
HILLS = [(0.52, 0.10, 5.0, 0.3, (96, 118, 150)), (0.60, 0.08, 8.0, 1.9, (62, 92, 104)), (0.67, 0.05, 13.0, 4.0, (30, 58, 52))]


def colour(x, y):
    """Of the point x, y; both are 0 to 1."""
    wide = x * WIDTH / HEIGHT
    if y > 0.72:
        glitter = math.exp(-((wide - 1.1) / (0.03 + (y - 0.72))) ** 2) * (0.5 + 0.5 * math.sin(180 * math.sqrt(y - 0.7)))
        return (40 + 190 * glitter, 66 + 130 * glitter + 40 * (1 - y), 92 + 60 * glitter + 60 * (1 - y))
    found = (120 + 130 * y, 150 + 60 * y, 215 - 60 * y)
    if math.hypot(wide - 1.1, y - 0.3) < 0.09:
        found = (255, 232, 150)
    for level, size, waves, shift, hill in HILLS:
        if y > level - size * (0.6 * math.sin(waves * x + shift) + 0.4 * math.sin(2.7 * waves * x + 2 * shift)):
            found = hill
    return found


fine = Image.new("RGB", (WIDTH * FINE, HEIGHT * FINE))
fine.putdata(
    [
        tuple(round(part) for part in colour((x + 0.5) / fine.width, (y + 0.5) / fine.height))
        for y in range(fine.height)
        for x in range(fine.width)
    ]
)
fine.resize((WIDTH, HEIGHT), Image.Resampling.BOX).save("landscape.png", optimize=True)
