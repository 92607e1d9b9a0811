"""A task of another package: which classifier makes the fewest errors on images?"""
