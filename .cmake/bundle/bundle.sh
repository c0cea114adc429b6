#!/usr/bin/env bash
# bundle.sh BUILD_FOLDER: a folder and a tarball in BUILD_FOLDER/../bundle that run Dermis on another x86-64 Linux (glibc
# 2.36 or later) beside a torch 2.11.0 wheel: the program, tests, the GPU check and the shared libraries that they need
# other than glibc, the NVIDIA driver, LibTorch and CUDA.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(cd "$1" && pwd)
readonly here root build limit_mib=40

version=$("$build/dermis" --version | tr -d '()' | awk '{print $2 "-" $3}')
out=$(dirname "$build")/bundle
folder=$out/dermis-$version-linux-x86_64
rm -rf "$folder" "$folder.tar.gz"
mkdir -p "$folder/lib" "$folder/share"
cmake --install "$build" --component bundle --prefix "$folder" --strip > /dev/null

# A library is left out when the machine, the driver or the torch wheel has it.
left_to_the_machine='^(ld-linux.*|lib(c|m|dl|rt|pthread|util|resolv|anl|nsl|mvec)\.so.*|libcuda\.so.*|libnvidia.*)$'
left_to_torch='^lib(torch.*|c10.*|gomp|cudart|cupti|cu(blas|dnn|fft|rand|solver|sparse|file).*|nv.*|nccl)\.so.*$'
ldd "$folder"/bin/{dermis,tests_*} | awk '$2 == "=>" {print $1, $3}' | sort -u | while read -r name file; do
  if [[ $name =~ $left_to_the_machine || $name =~ $left_to_torch ]]; then continue; fi
  if [[ ! -e $file ]]; then
    echo "bundle: $name, which a program of the bundle needs, is not on this machine" >&2
    exit 1
  fi
  cp -L "$file" "$folder/lib/$name"
done
strip --strip-unneeded "$folder"/lib/*
if [[ -e $folder/bin/libdermis_cuda.so ]]; then strip --strip-unneeded "$folder/bin/libdermis_cuda.so"; fi

install -m 755 "$here/dermis" "$here/with-libtorch" "$folder"
cp -r "$root/benchmarks/gpu_check" "$root/benchmarks/peers" "$folder/share"
ln -s share/gpu_check/gpu-check "$folder/gpu-check"
cp "$here/README.txt" "$root/LICENSE" "$folder"
if [[ -d $root/../shared/parity ]]; then
  cp -r --no-preserve=mode "$root/../shared/parity" "$folder/share/parity"  # what transformers computes: the tests of models compare with it
  rm -r "$folder/share/parity/pictures"
fi

tar -C "$out" --owner=0 --group=0 -c "$(basename "$folder")" | gzip -9 > "$folder.tar.gz"
mib=$(($(stat -c %s "$folder.tar.gz") / 1048576))
echo "$folder.tar.gz: $mib MiB"
if ((mib > limit_mib)); then
  echo "bundle: more than $limit_mib MiB" >&2
  exit 1
fi
