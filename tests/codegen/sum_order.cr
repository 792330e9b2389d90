# RUN: %crisol opt %s --emit=cl --target=gpu | FileCheck %s
# RUN: %crisol opt %s --emit=cl --target=cpu --reference | FileCheck %s
# A loop over a + x is what Intel's compiler adds up in several parts; the same sum as a chain of
# multiply-adds is left in its order.

graph "sum" {
  # CHECK: [[A:a[0-9]+]] = fma(1.0f, v{{[0-9]+}}, [[A]]);
  # CHECK: [[B:a[0-9]+]] = [[B]] + v{{[0-9]+}};
  %1 = input "x" : f32[33,10]
  %2 = sum %1 axes(0,1) : f32[1,1]
  output "y", %2
  %3 = input "i" : i32[33,10]
  %4 = sum %3 axes(0,1) : i32[1,1]
  output "z", %4
}
