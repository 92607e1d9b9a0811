import sys
from pathlib import Path

# made-up run records, shared with the tests of the tables
sys.path.append(str(Path(__file__).parents[1] / "tables"))
