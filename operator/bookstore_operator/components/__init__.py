"""The parts of a store, one file each: what a part wants, and how it judges what is there."""
