"""Tags computed from others: an expression, its units checked, its value and quality.

Pure: no I/O, no clock. Pint is imported by ``units`` alone, and ``units`` only by who
has an expression to check.
"""
