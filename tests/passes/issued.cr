# RUN: %crisol opt %s --emit=plan --target=cpu --reference --launches=levels | FileCheck %s
# RUN: %crisol opt %s --emit=plan --target=cpu | FileCheck %s --check-prefix=TILED
# What a phase moves counts each element once; what the reference schedule issues depends on the loops.
# TILED-NOT: issues

graph "issued" {
  %1 = input "x" : f32[6,5]
  %2 = input "w" : f32[5,3]
  %3 = input "b" : f32[3]
  %4 = matmul %1, %2 : f32[6,3]
  %5 = expand %3 : f32[6,3]
  # The contraction loads both operands 6 * 3 * 5 times, the bias once for each output.
  # CHECK: the reference schedule issues 234 loads of 936 B, 24 stores of 96 B
  # CHECK: phase 0: contraction over [6,3]
  # CHECK-NEXT: 198 FLOP, 192 B read, 72 B written
  # CHECK-NEXT: issues 198 loads of 792 B, 18 stores of 72 B
  %6 = add %4, %5 : f32[6,3]
  output "y", %6
  # A row is swept for the maximum, and again for the sum; 6 work-items.
  # CHECK: phase 1: nest over [6,3] parallel 0x1
  # CHECK-NEXT: 72 B read, 24 B written
  # CHECK-NEXT: issues 36 loads of 144 B, 6 stores of 24 B
  %7 = amax %6 axes(1) : f32[6,1]
  %8 = expand %7 : f32[6,3]
  %9 = sub %6, %8 : f32[6,3]
  %10 = sum %9 axes(1) : f32[6,1]
  output "z", %10
}
