"""Hostile input: what others write, at the eight doors where it comes in (docs/hostile-input.md).

Every input is bytes, whoever draws it: Hypothesis, Atheris, or a file of a finding that was
mended. ``bites`` makes structured input of them, ``surfaces`` has the doors, ``oracle`` says what
must hold at each.
"""
