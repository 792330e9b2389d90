# RUN: %crisol opt --passes=specialize --bind batch=17 %s | FileCheck %s
# RUN: %crisol opt --passes=specialize %s | FileCheck %s --check-prefix=BOUND
# Sizes become literal: those of --bind, else their bounds. The mean divides by the actual count.

graph "mean" {
  symbol batch <= 64
  # CHECK: input "x" : f32[17,3]
  # BOUND: input "x" : f32[64,3]
  %1 = input "x" : f32[batch,3]
  # CHECK: const 17 : i32
  # CHECK-NOT: size
  %2 = size batch : i32
  %3 = cast %2 : f32
  # CHECK: sum %1 axes(0) : f32[1,3]
  %4 = sum %1 axes(0) : f32[1,3]
  # CHECK: reshape {{.*}} : f32[51]
  %5 = reshape %1 : f32[3*batch]
  %6 = expand %3 : f32[1,3]
  %7 = div %4, %6 : f32[1,3]
  output "mean", %7
  output "flat", %5
}
