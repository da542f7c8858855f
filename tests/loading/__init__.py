"""A small lab of images, and weights for it: what the tests of the mode `load` hand in."""
