"""Text for a field of a forge that takes so many characters and no more, in one line."""


def line(text: str, most: int) -> str:
    """``text`` in at most ``most`` characters.

    What is too long is cut in its middle: it begins with what it is about and ends with what
    decides.
    """
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(plain) <= most:
        return plain
    end = most * 3 // 5
    return f"{plain[: most - end - 1].rstrip()}…{plain[-end:].lstrip()}"
