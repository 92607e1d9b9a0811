"""The same results faster: compiled loops and written-out passes, compared with plain versions by contract tests."""

from dgmbench.fast.places import keep_compiled_code, save_one_at_a_time

# before the modules of this package are imported, whose functions Numba compiles
keep_compiled_code()
save_one_at_a_time()

# What the compiler may do with sums and products: reorder and fuse them. Not take numbers for finite, as plain
# "fast" arithmetic does: a training that diverges has to show it.
FAST = {"reassoc", "contract", "arcp", "nsz"}
