#!/usr/bin/env python3
"""Makes a reader's corpus: each of its fixture files whole, cut at places and with bits flipped.

    make_corpus.py READER FOLDER
"""
import hashlib
import pathlib
import random
import sys

FIXTURES = pathlib.Path(__file__).parent.parent / "worker" / "weights" / "fixtures"
MOST_BYTES = 64 << 10

PATTERNS = {
    "torch_zip": ["*_zip.pth", "deflated.pth", "protocol4.pth", "bomb.pth", "aliases.pth", "quadratic.pth", "eval*.pth", "*.pt"],
    "torch_stream": ["*_old.pth", "*.pkl"],
    "safetensors": ["*.safetensors"],
    "hdf5": ["*.h5"],
    "keras_zip": ["*.keras"],
}


def variants(content, source):
    yield content
    for _ in range(8):
        yield content[:source.randrange(len(content) + 1)]
    for flips in (1, 1, 1, 1, 2, 4, 8, 32):
        changed = bytearray(content)
        for _ in range(flips if content else 0):
            changed[source.randrange(len(changed))] ^= 1 << source.randrange(8)
        yield bytes(changed)


def main(reader, folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    source = random.Random(1)
    for pattern in PATTERNS[reader]:
        for path in sorted(FIXTURES.glob(f"*/{pattern}")):
            if path.stat().st_size <= MOST_BYTES and path.name != "endless.h5":  # which takes its time
                for content in variants(path.read_bytes(), source):
                    (folder / hashlib.sha1(content).hexdigest()).write_bytes(content)


main(*sys.argv[1:])
