#!/usr/bin/env bash
# Everything a fresh Debian 12 / Ubuntu 24.04 machine needs to build Dermis. Safe to run again: what is there is left alone.
#   DERMIS_LIBTORCH=<site-packages>/torch   use that LibTorch instead of a private one
#   DERMIS_SETUP_PEERS=1                    also install the Python peers that benchmarks/peers compares with
set -euo pipefail

readonly torch_version=2.11.0
readonly packages=(g++ cmake ninja-build make pkg-config git ccache mold python3 python3-venv clang-format-14 clang-tidy-14
  libopencv-dev libsentencepiece-dev libeigen3-dev libgtest-dev libgmock-dev libbenchmark-dev nlohmann-json3-dev libcli11-dev
  libtomlplusplus-dev libcpp-httplib-dev libspdlog-dev libzstd-dev libxxhash-dev libssl-dev
  libjpeg-dev libpng-dev libtiff-dev libwebp-dev)

say() { printf 'setup: %s\n' "$*"; }

missing=()
for package in "${packages[@]}"; do
  # A tool that came from elsewhere (a newer cmake, say) counts as installed.
  case $package in g++ | cmake | make | git | ccache | mold | python3) command -v "$package" > /dev/null && continue ;; esac
  dpkg-query -W -f='${Status}' "$package" 2> /dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if ((${#missing[@]})); then
  say "installing ${#missing[@]} system packages: ${missing[*]}"
  if ((EUID == 0)); then as_root=(); elif command -v sudo > /dev/null; then as_root=(sudo); else
    say "root is needed for that. Ask your administrator to run: apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
else
  say "system packages: all ${#packages[@]} are installed"
fi

cache=${XDG_CACHE_HOME:-$HOME/.cache}/dermis
if [[ -n ${DERMIS_LIBTORCH:-} ]]; then
  [[ -e $DERMIS_LIBTORCH/lib/libtorch_cpu.so ]] || {
    say "DERMIS_LIBTORCH=$DERMIS_LIBTORCH holds no lib/libtorch_cpu.so; point it at <site-packages>/torch of a torch $torch_version wheel" >&2
    exit 1
  }
  say "LibTorch: $DERMIS_LIBTORCH (given)"
else
  venv=$cache/libtorch-$torch_version
  if [[ -e $venv/complete ]]; then
    say "LibTorch: $venv (installed before)"
  else
    say "LibTorch: installing the torch $torch_version wheel into $venv (about 1 GB, once for all clones)"
    rm -rf "$venv"
    python3 -m venv "$venv"
    if ldconfig -p | grep -q 'libcuda\.so\.1'; then
      "$venv/bin/pip" install -q --disable-pip-version-check "torch==$torch_version"
    else
      # Without a driver only the CPU half is loaded; of NVIDIA's 4 GB it links these two.
      "$venv/bin/pip" install -q --disable-pip-version-check --no-deps "torch==$torch_version" \
        nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85
    fi
    touch "$venv/complete"
  fi
fi

# The tests read the machine code of the kernels; Debian's and many CUDA images have no disassembler.
nvcc=$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)
if [[ -x $nvcc && ! -x ${nvcc%/*}/cuobjdump && ! -e $cache/cuda-tools/complete ]]; then
  say "disassembler: installing NVIDIA's cuobjdump and nvdisasm into $cache/cuda-tools"
  rm -rf "$cache/cuda-tools"
  python3 -m venv "$cache/cuda-tools"
  "$cache/cuda-tools/bin/pip" install -q --disable-pip-version-check --no-deps nvidia-cuda-cuobjdump==13.2.51 \
    nvidia-cuda-nvdisasm==13.2.51 && touch "$cache/cuda-tools/complete" ||
    say "disassembler: not installed; the test of the machine code will be skipped"
fi

if [[ ${DERMIS_SETUP_PEERS:-0} == 1 && ! -e $cache/peers/complete ]]; then
  say "peers: installing PyTorch, transformers, torchvision and Pillow into $cache/peers"
  python3 -m venv "$cache/peers"
  "$cache/peers/bin/pip" install -q --disable-pip-version-check "torch==$torch_version" transformers==5.23.0 torchvision pillow \
    sentencepiece protobuf tensorboard
  touch "$cache/peers/complete"
fi
