"""The course's colours: each quantity has one, in every figure, diagram and widget.

The hues are Okabe and Ito's, which readers with any common form of colour blindness can tell
apart (https://jfly.uni-koeln.de/color/).
"""

STATE = "#0072B2"  # h, blue
RESET = "#E69F00"  # r, orange
UPDATE = "#009E73"  # z, green
CANDIDATE = "#CC79A7"  # n (and the LSTM's g), purple
CELL = "#D55E00"  # c, vermilion
FORGET = "#009E73"  # f, green: it plays the part of z
INPUT = "#E69F00"  # i, orange
OUTPUT = "#56B4E9"  # o, sky blue
GRADIENT = "#6E6E6E"  # grey
NEUTRAL = "#7A7A7A"  # axes, text and data: legible on white and on near-black

# By symbol, as the widgets and the diagrams ask for them.
BY_SYMBOL = {
    "h": STATE,
    "r": RESET,
    "z": UPDATE,
    "n": CANDIDATE,
    "g": CANDIDATE,
    "c": CELL,
    "f": FORGET,
    "i": INPUT,
    "o": OUTPUT,
    "gradient": GRADIENT,
    "neutral": NEUTRAL,
}

# By network, in figures that compare them: the plain RNN has only a state and no gate, the LSTM is
# named after its cell, the GRU after its state.
BY_NETWORK = {"RNN": NEUTRAL, "LSTM": CELL, "GRU": STATE}
