import pathlib
import sys

# The test servers, and what all contract tests share.
sys.path[:0] = [str(pathlib.Path(__file__).parent.parent / "idp"), str(pathlib.Path(__file__).parent)]
