#!/bin/sh
# Installs the Debian packages that thaw needs, those that are missing: `cluster/install.sh run` for building and
# running, `cluster/install.sh check` for the tests too. Without root it prints the one command to run instead.
set -eu

run="g++ cmake ninja-build ccache pkg-config
    libtorch-dev libdnnl-dev libopenblas0-pthread libopenblas-pthread-dev libopenmpi-dev openmpi-bin
    libopencv-core-dev libopencv-imgproc-dev libopencv-imgcodecs-dev libjpeg-dev libtiff-dev libwebp-dev libgif-dev zlib1g-dev
    libyaml-cpp-dev libsqlite3-dev libfmt-dev libcli11-dev nlohmann-json3-dev libspdlog-dev libxxhash-dev libzip-dev
    libhdf5-dev libseccomp-dev libcurl4-openssl-dev
    libssl-dev ca-certificates python3 python3-pip dataset-fashion-mnist"
check="clang-format clang libclang-rt-dev libgtest-dev libgmock-dev slurmctld slurmd slurm-client munge iproute2 chromium
    python3-venv python3-torch python3-torchvision python3-numpy python3-pil"

case "${1:-run}" in
    run) wanted=$run ;;
    check) wanted="$run $check" ;;
    *) echo "usage: cluster/install.sh [run|check]" >&2; exit 2 ;;
esac

missing=
for package in $wanted; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "Some packages are missing; with root's rights, run:" >&2
    echo "  apt-get update && apt-get install -y --no-install-recommends$missing" >&2
    exit 2
fi
echo "installing:$missing" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# Package scripts print pages; they matter only where one fails.
log=$(mktemp)
# shellcheck disable=SC2086  # the list is words
if ! apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 $missing >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
rm -f "$log"
