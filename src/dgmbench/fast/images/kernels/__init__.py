"""Compiled loops for float32 on the CPU, where PyTorch's own would go over memory many times.

Each has a plain PyTorch counterpart beside its caller, which other devices and precisions take and the tests compare.
"""

# What the compiler may do with sums and products: reorder and fuse them. Not take numbers for finite, as plain
# "fast" arithmetic does: a training that diverges has to show it.
FAST = {"reassoc", "contract", "arcp", "nsz"}
