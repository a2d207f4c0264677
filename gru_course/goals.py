"""Slider exercises: what a widget must be set to, as rules that Python and the page both read.

A goal is text and numbers alone. `check` reads it in the notebook, the widget's module on the page,
so that the two cannot disagree about an answer.
"""

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple


class Rule(NamedTuple):
    """A reading that must lie between two numbers, and what to say where it does not."""

    reading: str
    low: float | None  # None: no limit
    high: float | None
    sentence: str  # "{reading}" stands for that reading's value


class Goal(NamedTuple):
    """One slider exercise: its widget's class, its rules in the order in which they are told."""

    widget: str
    rules: tuple[Rule, ...]
    praise: str
    hints: tuple[str, str]


def fixed(value, places):
    """A finite number with so many decimal places, as JavaScript's toFixed writes it.

    Where two are equally near Python takes the even one, JavaScript the larger.

    >>> fixed(31.25, 1), f"{31.25:.1f}"
    ('31.3', '31.2')
    """
    return f"{Decimal(float(value)).quantize(Decimal(10) ** -places, ROUND_HALF_UP):f}"


def digits(value):
    """A number to three digits, with a true minus sign and no minus zero, as the page writes it."""
    text = fixed(value, 3 if abs(value) < 0.9995 else 2)
    return text.replace("-", "−") if float(text) else text.lstrip("-")


def judge(goal, readings):
    """Whether a widget's readings meet a goal, and the sentence for the reader.

    The first rule that is not met answers; a reading that is NaN meets none.

    Parameters
    ----------
    goal : Goal
    readings : dict from each reading that the goal names to a float

    Returns
    -------
    bool, str

    >>> goal = Goal("GateExplorer", (Rule("z", 0.5, None, "z is {z}: more."),), "Right.", ("", ""))
    >>> judge(goal, {"z": 0.25})
    (False, 'z is 0.250: more.')
    >>> judge(goal, {"z": 0.75})
    (True, 'Right.')
    """

    def filled(sentence):
        return re.sub(r"\{(\w+)\}", lambda match: digits(readings[match[1]]), sentence)

    for reading, low, high, sentence in goal.rules:
        above = low is None or readings[reading] >= low
        below = high is None or readings[reading] <= high
        if not (above and below):
            return False, filled(sentence)
    return True, filled(goal.praise)


def _kept(reading, wanted):
    """A rule for what the exercise fixes."""
    shown = f"{wanted:g}".replace("-", "−")
    return Rule(reading, wanted, wanted, f"Keep {reading} at {shown}; here it is {{{reading}}}.")


GOALS = {
    "rnn.tipping-point": Goal(
        "Cobweb",
        (
            Rule("w", 0.0, None, "At w = {w} each step flips the sign; a positive w keeps it."),
            Rule(
                "stable",
                2,
                None,
                "There is one stable state, and every start ends there. To decide, the unit needs "
                "two.",
            ),
            Rule(
                "unstable",
                0.201,
                None,
                "The states part at {unstable}, so that 0.2 and 0.3 both end above zero. Bring the "
                "unstable state up between them.",
            ),
            Rule(
                "unstable",
                None,
                0.299,
                "The states part at {unstable}, so that 0.2 and 0.3 both end below zero. Bring the "
                "unstable state down between them.",
            ),
        ),
        "At w = {w}, b = {b} the unstable state lies at {unstable}, between 0.2 and 0.3.",
        (
            "Two stable states need a slope above one somewhere, which is a question for w alone. "
            "With b = 0, where is the unstable state?",
            "At an unstable state h the map returns h itself: b = artanh(h) - w h. Choose w = 2 "
            "and an h between 0.2 and 0.3.",
        ),
    ),
    "bptt.no-credit": Goal(
        "UnrollPlayer",
        (
            Rule(
                "every",
                1,
                1,
                "The loss looks at the last step only, so step 1 has no error of its own. Let the "
                "loss look at every step.",
            ),
            Rule(
                "size_1",
                0.3,
                None,
                "The error of step 1 is {e_1}, too small to be worth cancelling. Move its state "
                "further from its target, {y1}.",
            ),
            Rule(
                "dh_1",
                None,
                0.03,
                "The error of step 1 sends {e_1} back, the future {future_1}. The sum lies above "
                "zero, at {dh_1}: lower one of the two.",
            ),
            Rule(
                "dh_1",
                -0.03,
                None,
                "The error of step 1 sends {e_1} back, the future {future_1}. The sum lies below "
                "zero, at {dh_1}: raise one of the two.",
            ),
        ),
        "The error of step 1 sends {e_1} back, the future {future_1}, and they cancel. The first "
        "use of the weights gets no credit; the gradient of w_h is {dw_h}, all from later uses.",
        (
            "Two arrows arrive at h_1: the error of its own step, and w_h delta_2 from the future. "
            "Which sign must the second one have?",
            "The error of step 1 is positive at the start, so delta_2 has to become negative: "
            "lower x_3 and watch it. That alone does not go far enough. Which slider makes e_1 "
            "smaller?",
        ),
    ),
    "gradients.smallest-gate-bias": Goal(
        "GradientFlow",
        (
            Rule("radius", 0.6, 0.6, "The spectral radius must stand at 0.6; it is {radius}."),
            Rule("length", 60, 60, "The length must stand at 60; it is {length}."),
            Rule(
                "gru",
                0.1,
                None,
                "At a gate bias of {gate_bias} the GRU keeps {gru} at lag 60, less than a tenth. "
                "Move the gate closer to one.",
            ),
            Rule(
                "gate_bias",
                None,
                3.15,
                "At a gate bias of {gate_bias} the copy alone keeps a tenth, and this GRU keeps "
                "{gru}. The other path helps, so less will do.",
            ),
            # Between what it keeps at the smallest such bias and one step of the slider above.
            Rule(
                "gru",
                None,
                0.13,
                "At a gate bias of {gate_bias} the GRU keeps {gru} at lag 60. It is more than a "
                "tenth, but it is still so one step further down.",
            ),
        ),
        "A gate bias of {gate_bias} keeps {gru}, and one step less does not keep a tenth. A "
        "constant gate needs 3.24: the path through the candidate, and the units whose gates lie "
        "closest to one, do the rest.",
        (
            "Read the GRU's line at its right end, lag 60, and compare it with the line of a "
            "tenth.",
            "A constant gate needs z^60 = 0.1, so ln(z / (1 - z)) = 3.24. The other path helps: "
            "move down from there in steps of 0.1.",
        ),
    ),
    "lstm.readable-count": Goal(
        "LSTMExplorer",
        (
            *(_kept(name, wanted) for name, wanted in (("x", 1), ("h_prev", 0), ("c_prev", 0))),
            Rule(
                "written",
                0.005,
                None,
                "Too little is written: the last step puts {written} into the cell.",
            ),
            Rule(
                "gain_c",
                0.005,
                None,
                "The cell has levelled off at {c_50}: the forget gate at {f} takes away nearly as "
                "much as is written.",
            ),
            Rule(
                "gain_tanh",
                0.005,
                None,
                "The cell holds {c_50}, where tanh is nearly flat: the last step adds {gain_c} to "
                "the cell and {gain_tanh} to its tanh. Write less at each step.",
            ),
            Rule(
                "gain_h",
                0.005,
                None,
                "The last step raises tanh(c) by {gain_tanh}; the output gate at {o} shows only "
                "{gain_h} of it.",
            ),
        ),
        "The last step still raises h, by {gain_h}.",
        (
            "Where does tanh stop answering? Keep the cell below that for all fifty steps.",
            "After fifty steps the cell holds about 50 i g, with g a little below one. Choose i so "
            "that this is about one, and let f and o pass everything.",
        ),
    ),
    "gru.let-the-input-in": Goal(
        "GateExplorer",
        (
            _kept("x", 0.25),
            _kept("h_prev", -0.6),
            Rule(
                "rest",
                0.0,
                None,
                "The input does not get in: at r = {r} the old state weighs more in the candidate, "
                "and the unit stays below zero, at {rest}. One of the gates makes the past weigh "
                "less.",
            ),
            Rule(
                "rest",
                0.8,
                None,
                "The input gets in, but the state ends at {rest}. To go further than the input "
                "alone, the candidate must hear more of the state.",
            ),
            Rule(
                "rest",
                None,
                0.9,
                "The input gets in, but the state ends at {rest}, too far out. The candidate hears "
                "too much of the state.",
            ),
            # This one first: a state that never turns has no such step, and passes neither.
            Rule(
                "turn",
                None,
                20,
                "The end is right, {rest}, but after 20 steps the state is still below zero. At "
                "z = {z} it takes in too little at each step.",
            ),
            Rule(
                "turn",
                15,
                None,
                "The end is right, {rest}, but the state is above zero before step 15. At z = {z} "
                "it keeps too little of itself.",
            ),
        ),
        "The reset gate says where the state ends, here at {rest}; the update gate says when.",
        (
            "Where n = h, the blend changes nothing, whatever z is. So find the end first, by r, "
            "and the pace after it.",
            "At rest h = tanh(0.25 + 2 r h), that is artanh h = 0.25 + 2 r h: put in h = 0.85 and "
            "solve for r. Then play the strip. Does the curve pass zero too early or too late, and "
            "what does that say about the share that the state keeps?",
        ),
    ),
    "gru_backward.cancel": Goal(
        "GateExplorer",
        (
            _kept("x", 1.5),
            Rule("z", 0.65, None, "The copy carries {z}, and at least 0.65 is asked for."),
            Rule(
                "r",
                0.8,
                None,
                "At r = {r} the candidate hears so little of the old state that its path stays "
                "shorter than such a copy. Let it hear more.",
            ),
            Rule(
                "n",
                -0.4,
                0.4,
                "At n = {n} tanh is so flat that little comes back through it. Find the old state "
                "that brings the candidate to where tanh is steep.",
            ),
            Rule(
                "slope",
                None,
                0.02,
                "The copy carries {z} and the candidate's path {candidate_path}, together {slope}: "
                "the copy is still the longer one.",
            ),
            Rule(
                "slope",
                -0.02,
                None,
                "The copy carries {z} and the candidate's path {candidate_path}, together {slope}: "
                "now the candidate's path is the longer one.",
            ),
        ),
        "The copy carries {z} and the candidate's path {candidate_path}, together {slope}. No "
        "factor is small, and nothing comes back.",
        (
            "The copy carries z, the candidate's path (1 - z) (1 - n^2) r w_h. Which of these "
            "factors can be made larger without touching z?",
            "The sum is zero where (1 - n^2) r = z / (2 (1 - z)), which is 0.93 at z = 0.65. So "
            "both factors must be near one: r nearly open, and n near zero despite the input. "
            "Which h_prev takes back what the input puts in?",
        ),
    ),
    "conventions.apart": Goal(
        "GateExplorer",
        (
            Rule(
                "candidate_gap",
                0.4,
                None,
                "The candidates of the two resets are {candidate_gap} apart, too near each other. "
                "Mind the r at which they are equal, and the x at which tanh is flat.",
            ),
            Rule(
                "reset_gap",
                0.2,
                None,
                "The candidates are {candidate_gap} apart, but one sense of z hardly lets them in: "
                "there the states are {reset_gap} apart. Give the candidate its share in both.",
            ),
            Rule(
                "sense_gap",
                0.2,
                None,
                "The resets can be told apart, but with one of them keeping and writing are only "
                "{sense_gap} apart. Mind the z at which they are equal, and the old state for "
                "which they are so at every z.",
            ),
            Rule(
                "mixed_gap",
                0.2,
                None,
                "One mistake shows, but two at once nearly undo each other: those states are "
                "{mixed_gap} apart. Move the old state away from where they meet.",
            ),
        ),
        "Whatever is mistaken, it shows: the place of the reset by {reset_gap}, the sense of z by "
        "{sense_gap}, both at once by {mixed_gap}.",
        (
            "Take one difference at a time. At which r do the two resets give the same candidate? "
            "At which z do keeping and writing give the same state, and for which h_prev at every "
            "z?",
            "The two candidates differ by what r takes from b_h; they are farthest apart if tanh "
            "gets a negative number in one and a positive one in the other. The candidate's share "
            "is 1 - z where z keeps and z where it writes: neither may be small, and the two must "
            "not be equal.",
        ),
    ),
    "reading_code.blind-spot": Goal(
        "GateExplorer",
        (
            Rule(
                "recurrent",
                0.4,
                None,
                "The past speaks softly, with an h_n of {recurrent}, and is hard to misread. At "
                "least 0.4 is asked for.",
            ),
            Rule(
                "z",
                None,
                0.5,
                "At z = {z} the copy hides the candidate, whatever cell has computed it. At most "
                "0.5 is asked for.",
            ),
            Rule(
                "n",
                None,
                0.8,
                "At n = {n} tanh is so flat that it hides what enters it. At most 0.8 is asked "
                "for.",
            ),
            Rule(
                "gap_c",
                None,
                0.01,
                "Cell C is still found: its state is {gap_c} away. Compare the share of the past "
                "that it hears with the share that the GRU hears.",
            ),
            Rule(
                "gap_f",
                None,
                0.01,
                "C passes, but cell F is still found: its state is {gap_f} away. Of the two "
                "numbers x_n and h_n it multiplies the other one by r.",
            ),
        ),
        "Cell C is {gap_c} away and cell F {gap_f}: a check on this step alone passes both.",
        (
            "Write what enters tanh in D, C and F with x_n, h_n and r. When are the first two "
            "equal, though h_n is not zero?",
            "D and C agree where r = 1 - r. With this r, D halves one of the two numbers x_n and "
            "h_n, and F the other: when does that make no difference?",
        ),
    ),
    "gates_learn.closing": Goal(
        "SequencePlayer",
        (
            Rule(
                "step",
                105,
                None,
                "There the network has not yet reached the deepest bracket: read on.",
            ),
            Rule("step", 113, None, "There the deepest bracket is still open: read on."),
            Rule("step", None, 113, "There the deepest bracket is closed already: go back."),
            Rule(
                "z",
                None,
                0.31,
                "The step is right. The unit shown keeps {z} of its state there; another one "
                "keeps less.",
            ),
        ),
        "The unit keeps {z} of its state and writes the rest: the depth falls from 3 to 2.",
        (
            "The line of the depth shows where it falls from 3 to 2. At that step a unit writes "
            "the more, the lower its update gate is.",
            "Stay at the closing bracket after “shape” and step through the rows of the map of z: "
            "you are looking for the palest one.",
        ),
    ),
    "mingru.tree": Goal(
        "ScanTree",
        (
            Rule(
                "first_8",
                None,
                1,
                "The state h_8 is not known yet: the pair that ends at step 8 does not begin at "
                "step 1.",
            ),
            Rule(
                "first_7",
                2,
                None,
                "Both are known, h_8 and h_7. Look for a method, and a level of it, at which the "
                "later state comes first.",
            ),
            Rule(
                "overwrite",
                None,
                0,
                "One gate is 0, and so is every product that contains it: the pair of all eight "
                "steps keeps {a_8} whatever the others are.",
            ),
            Rule(
                "a_8",
                0.45,
                None,
                "The moment is right. At z = {z} the pair of all eight steps keeps {a_8} of the "
                "state before it, and half is asked for: too little.",
            ),
            Rule(
                "a_8",
                None,
                0.55,
                "The moment is right. At z = {z} the pair of all eight steps keeps {a_8} of the "
                "state before it, and half is asked for: too much.",
            ),
        ),
        "The state h_8 is known before h_7, and at z = {z} eight steps keep {a_8}: each of three "
        "levels has squared what a pair keeps.",
        (
            "Follow the pair that ends at step 8 through the levels of each method: when does it "
            "begin at step 1, and what does the pair at step 7 cover then?",
            "Each level on the way to the pair of 1–8 doubles its length and so squares its a. "
            "Start from a half and go back: what is a for four steps, for two, for one?",
        ),
    ),
    "gpu.timeline": Goal(
        "LaunchTimeline",
        (
            Rule(
                "eager",
                1,
                None,
                "One launch for everything is another answer. Here each kernel is launched by "
                "itself.",
            ),
            _kept("launch", 5),
            _kept("gap", 1),
            # Past these limits only by rounding: they are 12, 60 and a half.
            Rule(
                "arithmetic",
                11.999,
                None,
                "A step now holds {arithmetic} microseconds of arithmetic, and the network needs "
                "12. A kernel that is fused from several does the work of all of them.",
            ),
            Rule(
                "share",
                0.49999,
                None,
                "The GPU computes in {share} of the time, and half is asked for.",
            ),
            Rule(
                "time",
                None,
                60.001,
                "The GPU computes in {share} of the time, but a step takes {time} microseconds, "
                "more than the 60 of the start. Less work a kernel will do.",
            ),
        ),
        "A step takes {time} microseconds, and the GPU computes in {share} of the time. A kernel "
        "of {work} microseconds fills more of the time that the next launch takes, whether it was "
        "fused from small ones or was given a larger batch.",
        (
            "As long as the launches bound a step, each kernel has 5 microseconds, whatever it "
            "does in them. How much work makes that half?",
            "With half of its 5 microseconds filled, how many kernels hold the 12 of the network "
            "at the same batch? And with all twelve kernels and a larger batch, until when does a "
            "step take no longer than 60?",
        ),
    ),
}
