# RUN: %crisol opt %s --emit=reasons | FileCheck %s
# RUN: %crisol opt %s --emit=plan | FileCheck %s --check-prefix=PLAN
# What is cheap is computed again by each of its readers; what is dear is stored, and read by all of them.
# A row's sum is stored as one number, not spread over the row.

graph "shared" {
  %1 = input "x" : f32[24,16]
  %2 = input "y" : f32[16,24]
  # CHECK: %[[E:[0-9]+]] exp -> %[[P:[0-9]+]] permute: refused: the consumer does not visit elements
  # CHECK: neg -> %{{[0-9]+}} permute: fused
  # PLAN: store %{{[0-9]+}} exp
  # PLAN-NOT: store %{{[0-9]+}} neg
  %3 = exp %1 : f32[24,16]
  %4 = permute %3 (1,0) : f32[16,24]
  %5 = mul %2, %4 : f32[16,24]
  %6 = sum %5 axes(0) : f32[1,24]
  output "a", %6
  %7 = neg %1 : f32[24,16]
  %8 = permute %7 (1,0) : f32[16,24]
  %9 = sub %2, %8 : f32[16,24]
  output "b", %9
  output "c", %3
  # PLAN: store %{{[0-9]+}} sum
  # PLAN-NOT: store %{{[0-9]+}} expand
  %10 = sum %1 axes(1) : f32[24,1]
  %11 = expand %10 : f32[24,16]
  %12 = sum %1 axes(0) : f32[1,16]
  %13 = expand %12 : f32[24,16]
  %14 = mul %11, %13 : f32[24,16]
  output "d", %14
  # CHECK: %[[H:[0-9]+]] sigmoid -> %{{[0-9]+}} sub: refused: several phases read the value, and computing it again costs more
  # CHECK: %[[H]] sigmoid -> %{{[0-9]+}} matmul: refused: the consumer is another contraction
  %15 = state "w" : f32[16,16]
  %16 = matmul %1, %15 : f32[24,16]
  %17 = sigmoid %16 : f32[24,16]
  %18 = const 1 : f32
  %19 = expand %18 : f32[24,16]
  %20 = sub %19, %17 : f32[24,16]
  %21 = mul %17, %20 : f32[24,16]
  %22 = state "v" : f32[16,16]
  %23 = matmul %17, %22 : f32[24,16]
  %24 = mul %23, %21 : f32[24,16]
  output "e", %24
}
