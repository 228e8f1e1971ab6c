#!/bin/sh
# Trains the dictionaries again: train.sh [DIRECTORY]. Needs python3 and zstd 1.5.4 (Debian 12). About two minutes.
# A dictionary in use never changes: what this writes gets a new version in its name and a new codec id.
set -eu
cd "$(dirname "$0")"
out=${1:-../dictionaries}
seed=20260210
corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT
python3 corpus.py "$corpus" "$seed"

# kind, bytes, id in the file: codec + 1000
train() {
  zstd -q -19 -T1 --train-cover=k=$4,d=8,steps=1 --maxdict="$2" --dictID="$3" -r "$corpus/$1" -o "$out/$1-1.dict" -f
}
