#!/usr/bin/env bash
# Crisol's benchmarks. Tables go to standard output and to build/bench/NAME.md, all else to standard
# error. What is timed decides no exit status: targets are reported as held or missed.
set -euo pipefail

# OpenBLAS 0.3.21 does not know recent Intel cores and falls back to SSE3 kernels, which would be no peer.
if [ -z "${OPENBLAS_CORETYPE:-}" ] && grep -qw avx512f /proc/cpuinfo; then
    export OPENBLAS_CORETYPE=SKYLAKEX
fi

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"
BUILD=${CRISOL_BUILD:-build/release}
OUT=build/bench
PYTHON=build/peers/bin/python3

usage() {
    cat <<'EOT'
usage: ./dev bench [WHAT...] [--quick] [OPTIONS]

  mlp       training steps of eight MLPs: Keras, PyTorch, JAX; Crisol naive, unfused and fused
  cnn       training steps, inference and memory of a CNN: the same, PyTorch in two layouts; the rate
            of each contraction
  gemm      square products: OpenBLAS, PyTorch, Crisol, and what an epilogue costs
  compile   graph to OpenCL C: a training step, a deep net, chains up to 100,000 nodes
  start     from a process's start to the end of its first training step, warm and cold caches
  xor       1,000 epochs of XOR, the steps and the process
  stream    training on samples that do not fit into the device memory allowed, against the same with
            all of them there
  load      a checkpoint of 100 MB into host memory: h5py, Crisol
  table6    25 nets on MNIST as a thesis's table 6 has them, Keras and Crisol: time and accuracy; takes
            40 minutes, with --quick two
  all       all of them but table6 (the default)

  --quick              fewer rows, rounds and seconds
  --rows 'H/B ...'     rows of mlp: hidden layers and batch, such as '16/32 256,256/128'
  --batches 'N ...'    batches of cnn
  --sizes 'N ...'      sizes of gemm
  --rounds N           how often mlp, cnn, gemm, xor, stream and load measure each
  --seconds S          and how long each time
  --nets 'H ...'       nets of table6: hidden layers, such as '16 32,32'
  --seeds N            how often table6 trains each (3), and for how many epochs (10)
  --epochs N
  --resume             keep what build/bench/table6.csv (table6-quick.csv) holds, measure the rest

Environment: CRISOL_DATA (its folder mnist; else the data are synthetic; table6 needs it),
CRISOL_DEVICE, CRISOL_BUILD (a build folder of the release preset; build/release).
EOT
}

say() { printf '== %s\n' "$*" >&2; }
misuse() {
    printf 'bench: %s\n' "$*" >&2
    exit 2
}

what=() driver=() quick=() nets=() stream=() rounds=()
while (($#)); do
    case $1 in
    mlp | cnn | gemm | compile | start | xor | stream | load | table6) what+=("$1") ;;
    all) what=(mlp cnn gemm compile start xor stream load) ;;
    --quick) quick=(--quick) ;;
    --rows | --batches | --sizes | --rounds | --seconds)
        (($# >= 2)) || misuse "$1 needs a value"
        driver+=("$1" "$2")
        [[ $1 =~ ^--(rounds|seconds)$ ]] && stream+=("$1" "$2")
        [[ $1 == --rounds ]] && rounds+=("$1" "$2")
        shift
        ;;
    --nets | --seeds | --epochs)
        (($# >= 2)) || misuse "$1 needs a value"
        nets+=("$1" "$2")
        shift
        ;;
    --resume) nets+=(--resume) ;;
    -h | --help)
        usage
        exit 0
        ;;
    *)
        misuse "'$1' is no benchmark (mlp, cnn, gemm, compile, start, xor, stream, load, table6, all) and no option"
        ;;
    esac
    shift
done
if ((${#what[@]} == 0)); then what=(mlp cnn gemm compile start xor stream load); fi

# ---- what is needed ------------------------------------------------------------------------------

# xor needs their Python only
needs_peers() { [[ " ${what[*]} " =~ ' '(mlp|cnn|gemm|xor|load|table6)' ' ]]; }

mkdir -p "$OUT"
./dev setup
say "building the benchmarks in $BUILD"
if ! cmake --preset release -B "$BUILD" >"$OUT/configure.log" 2>&1; then
    cat "$OUT/configure.log" >&2
    exit 1
fi
cmake --build "$BUILD" --target bench >&2
if needs_peers && [[ ! -e build/peers/done ]]; then ./dev peers >&2; fi

# ---- running -------------------------------------------------------------------------------------

run() {
    case $1 in
    mlp | cnn | gemm | xor)
        "$PYTHON" bench/bench.py "$1" --bin "$BUILD/bench" --work "$OUT/work" "${quick[@]}" \
            "${driver[@]}"
        ;;
    load)
        "$PYTHON" bench/load.py --bin "$BUILD/bench" --work "$OUT/work" "${quick[@]}" "${rounds[@]}"
        ;;
    table6)
        "$PYTHON" bench/table6.py --bin "$BUILD/bench" --work "$OUT/work" \
            --csv "$OUT/table6${quick:+-quick}.csv" "${quick[@]}" "${nets[@]}"
        ;;
    compile)
        printf '# Compiling\n\n'
        "$BUILD/bench/compile" "${quick[@]}"
        ;;
    start)
        printf '# Starting\n\n'
        "$BUILD/bench/start" "${quick[@]}"
        ;;
    stream)
        printf '# Streaming\n\n'
        "$BUILD/bench/stream" "${quick[@]}" "${stream[@]}"
        ;;
    esac
}

failed=()
for name in "${what[@]}"; do
    say "$name; load average $(cut -d ' ' -f 1-3 /proc/loadavg)"
    if run "$name" >"$OUT/$name.new"; then
        mv "$OUT/$name.new" "$OUT/$name.md"
        cat "$OUT/$name.md"
        echo
    else
        failed+=("$name")
    fi
done
if ((${#failed[@]})); then
    say "did not run to the end: ${failed[*]}"
    exit 1
fi
