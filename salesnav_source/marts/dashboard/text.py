"""Text from the warehouse, made fit to be shown and drawn."""

import unicodedata

MOST_LETTERS = 200
"""Letters of a name that are shown."""

MOST_OF_MESSAGES = 2_000
"""Letters of a message, e.g. of why a job failed."""

# control characters, marks that turn the direction of writing, lone surrogates, private use, not assigned
_LEFT_OUT = {"Cc", "Cf", "Cs", "Co", "Cn"}


def clean(text: str, most: int = MOST_LETTERS) -> str:
    """Returns a text on one line, without characters that have no shape, and of bounded length.

    Args:
        text: as it was read.
        most: letters to keep; what is longer ends in an ellipsis.
    """
    # no more is looked at than can be kept, however long the text is
    looked_at = (" " if letter.isspace() else letter for letter in text[: 4 * most])
    kept = " ".join("".join(one for one in looked_at if unicodedata.category(one) not in _LEFT_OUT).split())
    return kept if len(kept) <= most and len(text) <= 4 * most else f"{kept[: most - 1].rstrip()}…"


def join(parts: list[str]) -> str:
    """Returns names as a sentence lists them: `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""
