# RUN: %crisol opt %s --emit=cl --target=cpu | FileCheck %s
# A transposed weight is copied to a panel in squares of as many columns as a vector has lanes, which are
# turned round in registers.

graph "turned" {
  # CHECK-LABEL: static void p0_matmul(
  # CHECK: const float16 [[A:v[0-9]+]] = vload16(0, state_
  # CHECK-COUNT-64: .s08192a3b4c5d6e7f;
  # CHECK-NOT: .s08192a3b4c5d6e7f;
  # CHECK: *(local float16 *)(panel_b + {{.*}}) = {{z[0-9]+}};
  # CHECK: fma(
  %1 = input "x" : f32[32,64]
  %2 = state "w" param : f32[48,64]
  %3 = permute %2 (1,0) : f32[64,48]
  %4 = matmul %1, %3 : f32[32,48]
  output "y", %4
}
