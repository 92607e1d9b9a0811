#!/usr/bin/env bash
# What one NVIDIA GPU gives, on a bare machine without internet that has PyTorch and Lightning, in at most nine minutes.
#
#   bash benchmarks/gpu.sh pack gpu-pack          where there is internet: data, and wheels of what is missing there (20 MB)
#   bash benchmarks/gpu.sh run gpu-pack out       on the GPU machine, with the folder carried there
#   bash benchmarks/gpu.sh run gpu-pack out --cpu a rehearsal of every step on the CPU, with small networks
#
# `out` then holds report.json, and what was trained: records, checkpoints to go on from, curves (benchmarks/gpu.py).
set -euo pipefail
cd "$(dirname "$0")/.."

# what a usual installation of PyTorch and Lightning lacks
packages=(annotated-types httpcore2 httpx2 idna anyio truststore packaging platformdirs pydantic pydantic-core
  requests typing-inspection typing-extensions unearth)

pack() {
  local folder=$1
  mkdir -p "$folder/wheels"
  pip freeze | tr _ - | grep -i -E "^($(IFS='|'; echo "${packages[*]}"))==" > "$folder/packages.txt"
  pip download --quiet --no-deps --only-binary=:all: --python-version "${PYTHON_VERSION:-3.12}" --implementation cp \
    --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
    --dest "$folder/wheels" -r "$folder/packages.txt"
  for name in mnist ocr-letters; do DGMBENCH_CACHE="$PWD/$folder/cache" dgmbench fetch "$name"; done
  rm -rf "$folder/cache/datasets"   # they are made from the archives again
  du -sh "$folder"
}

run() {
  local folder=$1 out=$2
  shift 2
  export DGMBENCH_CACHE="$PWD/$folder/cache" PYTHONPATH="$PWD/src" PYTHONUNBUFFERED=1
  if ! python3 -c "import dgmbench.cli, dgmbench.tasks.density.training" 2>/dev/null; then
    python3 -m pip install --quiet --no-index --no-deps --no-compile --target "$folder/site" "$folder"/wheels/*.whl
    PYTHONPATH="$PYTHONPATH:$PWD/$folder/site"
  fi
  mkdir -p "$out"
  python3 benchmarks/gpu.py --out "$out" "$@" 2>&1 | tee "$out/log.txt"
}

case "${1:-}" in
  pack | run) "$@" ;;
  *) sed -n '2,9p' "$0"; exit 2 ;;
esac
