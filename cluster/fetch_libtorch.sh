#!/bin/sh
# cluster/fetch_libtorch.sh: prints the folder of PyTorch's own LibTorch with CUDA, for the presets `cuda` and
# `gpu-bench` (THAW_LIBTORCH=$(cluster/fetch_libtorch.sh) cmake --preset cuda). Where it is not yet in the cache, it comes
# out of PyTorch's wheel from PyPI: 540 MB, 1.1 GB unpacked. CUDA's own libraries are the machine's toolkit's.
# A machine that has PyTorch needs none of this: python3 -c 'import torch; print(torch.__path__[0])'.
set -eu
version=2.15.0
sha256=48c2d861134c0b5697c7602cb5ffa68f62a2989fdcd1717e593356f67996ca1e
folder="${XDG_CACHE_HOME:-$HOME/.cache}/thaw/libtorch-$version"
if [ ! -d "$folder" ]; then
    mkdir -p "$(dirname "$folder")"
    part=$(mktemp -d "$folder.XXXXXX")
    trap 'rm -rf "$part"' EXIT
    timeout 900 python3 -m pip download --quiet --disable-pip-version-check --no-cache-dir --timeout 20 --retries 1 \
        --no-deps --only-binary :all: --python-version 3.11 --platform manylinux_2_28_x86_64 -d "$part" \
        "torch==$version" >&2
    echo "$sha256  $(echo "$part"/*.whl)" | sha256sum --check --quiet >&2
    python3 - "$part" <<'PYTHON'
import glob, sys, zipfile
folder = sys.argv[1]
with zipfile.ZipFile(glob.glob(folder + "/*.whl")[0]) as wheel:
    wanted = ("torch/lib/", "torch/include/", "torch/share/cmake/")
    wheel.extractall(folder, [name for name in wheel.namelist() if name.startswith(wanted)])
PYTHON
    rm "$part"/*.whl
    mv -T "$part" "$folder"
    trap - EXIT
fi
echo "$folder/torch"
