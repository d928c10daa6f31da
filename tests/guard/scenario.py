"""The scenarios of this suite, on the same stage as those of tests/serve."""

SCENARIOS = []


def scenario(function):
    SCENARIOS.append(function)
    return function
