# RUN: %crisol opt %s --emit=cl --target=cpu | FileCheck %s
# Whole vectors are written through a pointer to vectors where their place is a multiple of a vector's
# size: it is one store, which PoCL's vstore16 is not. Rows of 40 begin anywhere.

graph "aligned" {
  # CHECK-LABEL: static void p0_sum(
  # CHECK: *(global float16 *)(sum_2 + {{.*}}) = {{a[0-9]+}};
  # CHECK-NOT: vstore
  # CHECK-LABEL: static void p1_sum(
  # CHECK-NOT: float16 *)
  # CHECK: vstore16({{a[0-9]+}}, 0, sum_4 + {{.*}});
  # CHECK: vstore8({{.*}}.s01234567, 0, sum_4 + {{.*}});
  # CHECK-NOT: float16 *)
  # CHECK-LABEL: kernel
  %1 = input "x" : f32[4,3,48]
  %2 = sum %1 axes(1) : f32[4,1,48]
  %3 = input "y" : f32[4,3,40]
  %4 = sum %3 axes(1) : f32[4,1,40]
  output "a", %2
  output "b", %4
}
