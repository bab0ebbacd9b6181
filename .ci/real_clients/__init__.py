"""One file per kind of client; each has its STEPS, pairs of a name and a function of a URL."""
