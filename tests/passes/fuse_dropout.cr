# RUN: %crisol opt %s --emit=plan --target=cpu | FileCheck %s
# The mask of a dropout is drawn where it is needed, forward and backward: none is stored.

graph "dropout" {
  # CHECK: contraction over [8,20]
  # CHECK: compute {{.*}} random
  # CHECK-NEXT: store {{.*}} select
  # CHECK-NEXT: phase 1: nest over [160]
  # CHECK: compute {{.*}} random
  # CHECK-NEXT: store {{.*}} select
  # CHECK-NEXT: phase 2: contraction over [8,16]
  %1 = input "x" : f32[8,16]
  %2 = state "w" param : f32[16,20]
  %3 = matmul %1, %2 : f32[8,20]
  %4 = state "seed" : i32
  %5 = state "step" : i32
  %6 = random %4, %5 stream(0) : f32[8,20]
  %7 = const 0.3 : f32
  %8 = expand %7 : f32[8,20]
  %9 = lt %6, %8 : bool[8,20]
  %10 = const 0 : f32
  %11 = expand %10 : f32[8,20]
  %12 = select %9, %11, %3 : f32[8,20]
  output "y", %12
  %13 = input "g" : f32[8,20]
  %14 = select %9, %11, %13 : f32[8,20]
  %15 = permute %2 (1,0) : f32[20,16]
  %16 = matmul %14, %15 : f32[8,16]
  output "dx", %16
}
