"""The rules of a vote as pure functions: no I/O, clock, randomness or logging, so that a log always folds alike."""
