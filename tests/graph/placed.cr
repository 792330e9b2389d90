# RUN: %crisol opt --passes= --emit=graph %s | FileCheck %s
# RUN: %crisol opt --passes= --emit=dot %s | FileCheck %s --check-prefix=DOT
# Spaces, and copies between them: what the naive variant of a product looks like.

graph "placed" {
  # CHECK: %1 = input "x" : f32[64,784] host{{$}}
  %1 = input "x" : f32[64,784] host
  %2 = state "w" param glorot_uniform : f32[784,10] host
  # CHECK: %3 = copy %1 to device : f32[64,784] !1 "matmul" train.c:41{{$}}
  %3 = copy %1 to device : f32[64,784]  !1 "matmul" train.c:41
  %4 = copy %2 to device : f32[784,10]  !1
  %5 = matmul %3, %4 : f32[64,10]       !1
  # CHECK: %6 = copy %5 to host : f32[64,10] host !1{{$}}
  %6 = copy %5 to host : f32[64,10] host !1
  # CHECK: output "y", %6 host{{$}}
  output "y", %6 host
}
# DOT: label="placed: 7 nodes, 3 transfers, 229 KiB"
# DOT: label="matmul   train.c:41"
# DOT: n1 -> n3 [label=" 196 KiB", penwidth
