"""Pure types: no I/O, no clock, no frameworks."""
