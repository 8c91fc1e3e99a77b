"""What ``compofa-agent.pyz`` begins with: its ``__main__``.

Old Pythons must be able to read it, to be told in one line that they are too old.
"""

import sys

OLDEST = (3, 8)
COULD_NOT_MEASURE = 3


def explain_missing():
    # type: () -> str
    """Return what this Python lacks, and the fix; the text is empty where it lacks nothing."""
    have = "%d.%d" % sys.version_info[:2]  # noqa: UP031 - read by Pythons that know nothing else
    if sys.version_info < OLDEST:
        return "python 3.8 or newer is needed, and this is " + have + "; name another with --python"
    try:
        import numpy  # noqa: F401
    except ImportError as error:
        return (
            "numpy is missing for this python "
            + have
            + " ("
            + str(error)
            + "); install it there: pip install numpy"
        )
    return ""


if __name__ == "__main__":
    missing = explain_missing()
    if missing:
        sys.stderr.write("Error: " + missing + "\n")
        sys.exit(COULD_NOT_MEASURE)
    from profilers.targets.agent import main

    sys.exit(main(sys.argv[1:]))
