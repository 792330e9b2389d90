#!/usr/bin/env bash
# The loads and stores that the plan says the reference schedule issues (passes/issued.c) are those that
# Oclgrind counts, kernel by kernel and byte by byte, in all three variants. Where every value has one
# reader, fusing saves exactly what the ledger says, as planned and as executed.
# crisol-test: timeout=300
source "$SRC/tests/e2e/lib.bash"
command -v oclgrind >/dev/null || die "oclgrind is not installed (./dev setup)"

# Every op is one of the user's: a kernel of its own, but in the fused variant.
cat >chain.cr <<'EOF'
graph "chain" {
  %1 = input "x" : f32[5,7]
  %2 = input "b" : f32[7]
  %3 = input "c" : f32[5,7]
  %4 = expand %2 : f32[5,7] !1 "add" g.c:1
  %5 = add %1, %4 : f32[5,7] !1
  %6 = sigmoid %5 : f32[5,7] !2 "sigmoid" g.c:2
  %7 = mul %6, %3 : f32[5,7] !3 "mul" g.c:3
  %8 = sum %7 axes(1) : f32[5,1] !4 "sum" g.c:4
  %9 = sqrt %8 : f32[5,1] !5 "sqrt" g.c:5
  %10 = exp %9 : f32[5,1] !6 "exp" g.c:6
  output "y", %10
}
EOF
cat >softmax.cr <<'EOF'
graph "softmax" {
  %1 = input "x" : f32[5,7]
  %2 = amax %1 axes(1) : f32[5,1] !1 "amax" g.c:1
  %3 = expand %2 : f32[5,7] !2 "sub" g.c:2
  %4 = sub %1, %3 : f32[5,7] !2
  %5 = exp %4 : f32[5,7] !3 "exp" g.c:3
  %6 = sum %5 axes(1) : f32[5,1] !4 "sum" g.c:4
  %7 = expand %6 : f32[5,7] !5 "div" g.c:5
  %8 = div %5, %7 : f32[5,7] !5
  output "y", %8
}
EOF
cat >layer.cr <<'EOF'
graph "layer" {
  %1 = input "images" : u8[9,5]
  %2 = input "order" : i32[6]
  %3 = gather %1, %2 : u8[6,5] !1 "batch" g.c:1
  %4 = cast %3 : f32[6,5] !1
  %5 = state "w" param glorot_uniform : f32[5,3]
  %6 = state "b" param constant(0) : f32[3]
  %7 = input "t" : f32[6,3]
  %8 = matmul %4, %5 : f32[6,3] !2 "dense" g.c:2
  %9 = expand %6 : f32[6,3] !2
  %10 = add %8, %9 : f32[6,3] !2
  %11 = sigmoid %10 : f32[6,3] !3 "sigmoid" g.c:3
  %12 = sub %11, %7 : f32[6,3] !4 "loss" g.c:4
  %13 = permute %4 (1,0) : f32[5,6] !5 "gradient" g.c:5
  %14 = matmul %13, %12 : f32[5,3] !5
  %15 = sum %12 axes(0) : f32[1,3] !6 "bias" g.c:6
  %16 = reshape %15 : f32[3] !6
  %17 = sub %5, %14 : f32[5,3] !7 "update" g.c:7
  %18 = sub %6, %16 : f32[3] !8 "update" g.c:8
  assign %5, %17
  assign %6, %18
  output "y", %11
}
EOF

CRISOL_DEVICE='' CRISOL_CACHE=off run 0 oclgrind --inst-counts "$BIN/bin/issued" \
    chain.cr softmax.cr layer.cr "$SRC/tests/graph/mlp.cr" --random "${CRISOL_SEED:-1}" "${CRISOL_GRAPHS:-30}"
python3 "$SRC/tests/tools/issued.py" out chain.cr softmax.cr layer.cr mlp.cr || die "the counts differ"
