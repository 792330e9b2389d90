# RUN: %crisol opt %s --emit=cl --target=cpu | FileCheck %s
# Rows of 300 do not divide into vectors of 16, but a map over them is one row: its index, taken apart by
# the shape and put together again, is that of whole vectors. What is read may
# lie anywhere, for which vload asks no alignment; what is written is aligned (aligned.cr).

graph "flat" {
  # CHECK-LABEL: static void p0_exp(
  # CHECK: [[X:v[0-9]+]] = vload16(0, input_1 + t * 16);
  # CHECK-NEXT: [[Y:v[0-9]+]] = cr_exp_f16([[X]]);
  # CHECK-NEXT: *(global float16 *)(exp_2 + t * 16) = [[Y]];
  # CHECK-NEXT: }
  # CHECK-NEXT: {{^}$}}
  %1 = input "x" : f32[1000,300]
  %2 = exp %1 : f32[1000,300]
  output "y", %2
}
