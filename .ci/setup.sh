#!/usr/bin/env bash
# Sets up what `make demo` and `make test` need: system libraries for Qt and a virtual
# display, and .venv with the project and everything it depends on. Safe to run again.
set -euo pipefail
cd "$(dirname "$0")/.."

PACKAGES="xvfb libegl1 libgl1 libgl1-mesa-dri libxkbcommon-x11-0 libdbus-1-3 libxcb-cursor0
 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0
 libxcb-xinerama0 libfontconfig1 fonts-dejavu-core python3-venv"

say() { printf '\n== %s\n' "$*"; }

missing_packages() {
    local name missing=""
    for name in $PACKAGES; do
        dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q '^install ok' || missing+=" $name"
    done
    # a Python from elsewhere brings its own venv
    python3 -c 'import ensurepip' 2>/dev/null && missing=${missing/ python3-venv/}
    echo "$missing"
}

install_system_libraries() {
    [ "$(uname -s)" = Linux ] || return 0
    if ! command -v apt-get >/dev/null; then
        say "Not a Debian or Ubuntu system: install the Qt 6 xcb libraries, OpenGL/EGL and Xvfb yourself if the GUI does not start."
        return 0
    fi
    local missing
    missing=$(missing_packages)
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" = 0 ]; then
        say "Installing system libraries:$missing"
        apt-get update -qq
        # shellcheck disable=SC2086
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    else
        say "System libraries are missing. Run this once, then repeat the command:"
        echo "sudo apt-get install -y$missing"
        exit 1
    fi
}

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3.13 python3.12 python3.11 python3; do
        [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
            && { echo "$candidate"; return; }
    done
    echo "Python 3.11 or newer was not found. Install it, or name it: make test PYTHON=/path/to/python3" >&2
    exit 1
}

# Unpacked, all is 7 GB; the downloaded wheels lie beside it, or in TMPDIR, until pip is done.
NEEDED_GB=10
warn_of_little_disk() {
    [ ! -x .venv/bin/icseg ] || return 0
    local free_gb
    free_gb=$(($(df -Pk . | awk 'NR == 2 {print $4}') / 1024 / 1024))
    [ "$free_gb" -lt "$NEEDED_GB" ] || return 0
    say "Setting up needs about $NEEDED_GB GB of disk, and $free_gb GB are free here. If there is no
   space left on the way, make room or clone onto a larger disk, and repeat the command."
}

install_system_libraries
warn_of_little_disk
python=$(find_python)
pip="env PIP_DISABLE_PIP_VERSION_CHECK=1 SAM2_BUILD_CUDA=0 .venv/bin/python -m pip install --quiet"

if [ ! -x .venv/bin/python ]; then
    say "Creating .venv with $($python --version)"
    "$python" -m venv .venv
fi
say "Installing PyTorch (a few minutes the first time)"
$pip --upgrade pip "setuptools>=77" wheel
$pip "torch>=2.5" "torchvision>=0.20"
# sam2 is a source package that builds against torch: without isolation it uses the one above
say "Installing SAM-2"
$pip --no-build-isolation "sam2>=1.1.0"
say "Installing napari-icseg and its other dependencies"
$pip --no-build-isolation --editable '.[all,test]'
touch .venv/.installed
say "Ready."
