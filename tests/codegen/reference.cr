# RUN: %crisol opt %s --emit=cl --target=cpu --reference | FileCheck %s
# RUN: %crisol opt %s --emit=cl --target=gpu --reference | FileCheck %s
# RUN: %crisol opt %s --emit=plan --target=gpu --reference | FileCheck %s --check-prefix=PLAN
# The reference schedule: a work-item computes one output, with scalars, in the order of the interpreter,
# and shares nothing.

graph "reference" {
  # PLAN: 30 groups of 1
  # CHECK-NOT: local
  # CHECK-NOT: {{float(2|4|8|16)}}
  # CHECK: [[I0:i[0-9]+]] = (t) % 5;
  # CHECK-NEXT: [[I1:i[0-9]+]] = (t) / 5;
  # CHECK: float [[A:a[0-9]+]] = (float)(0.0f);
  # CHECK-NEXT: for (int [[K:i[0-9]+]] = 0; [[K]] < 8; [[K]]++) {
  # CHECK-NEXT: [[X:v[0-9]+]] = input_1{{\[}}[[I1]] * 8 + [[K]]];
  # CHECK-NEXT: [[W:v[0-9]+]] = state_2{{\[}}[[I0]] + [[K]] * 5];
  # CHECK-NEXT: [[A]] = fma([[X]], [[W]], [[A]]);
  # CHECK-NEXT: }
  # CHECK-NEXT: [[Y:v[0-9]+]] = cr_tanh_f1([[A]]);
  # CHECK-NOT: vstore
  # CHECK-NOT: barrier
  %1 = input "x" : f32[6,8]
  %2 = state "w" param : f32[8,5]
  %3 = matmul %1, %2 : f32[6,5]
  %4 = tanh %3 : f32[6,5]
  output "y", %4
}
