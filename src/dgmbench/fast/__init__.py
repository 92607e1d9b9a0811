"""The same results sooner: compiled loops and written-out passes, each held to a plain version by a contract test."""

# What the compiler may do with sums and products: reorder and fuse them. Not take numbers for finite, as plain
# "fast" arithmetic does: a training that diverges has to show it.
FAST = {"reassoc", "contract", "arcp", "nsz"}
