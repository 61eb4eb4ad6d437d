"""Golden files of networks' originals: lines of NETWORK WORD ...; of a long list its length and the beginning of the SHA-256
that it has as a file of a line each.

    SCRIPT GOLDEN.txt [NETWORK...]           redoes the lines of these networks; of all that this Python has
    SCRIPT --diff NETWORK WORD LIST.txt      how a list that a test has left differs from the original's
"""
import difflib
import hashlib
import pathlib
import sys

DIGITS = 32


def line_of(word, said):
    """said: a string, or a list, which becomes its digest."""
    if isinstance(said, str):
        return f"{word} {said}"
    content = "".join(line + "\n" for line in said).encode()
    return f"{word} {len(said)} {hashlib.sha256(content).hexdigest()[:DIGITS]}"


def redo(path, about, says):
    """says: of each network pairs of a word and what line_of takes. The other networks' lines stay."""
    lines = path.read_text().splitlines() if path.exists() else []
    lines = [line for line in lines if not line.startswith("#") and line.split()[0] not in says]
    lines += [f"{network} {line_of(word, said)}" for network, pairs in says.items() for word, said in pairs]
    lines.sort(key=lambda line: line.split()[0])
    path.write_text("\n".join([f"# {about}", *lines]) + "\n")


def show_difference(original, path):
    found = path.read_text().splitlines()
    different = list(difflib.unified_diff(original, found, "original", "thaw", lineterm="", n=1))
    print("\n".join(different) or "no difference")
    return 1 if different else 0


def main(description, about, networks, says_of):
    """says_of(NETWORK): pairs, as redo() takes them."""
    words = sys.argv[1:]
    if len(words) == 4 and words[0] == "--diff":
        sys.exit(show_difference(dict(says_of(words[1]))[words[2]], pathlib.Path(words[3])))
    if not words or words[0].startswith("-"):
        sys.exit(description + __doc__)
    redo(pathlib.Path(words[0]), about, {network: list(says_of(network)) for network in words[1:] or networks})
