"""Many seeds for one test: which ones, and one report of all that fail.

choice     the seeds that a test is to run with, by its marks and the command line
folding    the failures of one test's seeds, told as one

Each seed is a test item of its own, as if the test were parametrised, and not a round of a loop
within one item: so every fixture is fresh for each seed, pytest-xdist spreads the seeds, and `-x`,
`--pdb`, `--lf`, skips and time limits mean what they mean for any test. What nobody wants of
that, a hundred reports of one fault, is folded at the end.
"""
