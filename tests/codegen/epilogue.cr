# RUN: %crisol opt %s --emit=cl --target=cpu | FileCheck %s
# RUN: %crisol opt %s --emit=cl --target=gpu | FileCheck %s --check-prefix=GPU
# RUN: %crisol opt %s --emit=plan --target=gpu | FileCheck %s --check-prefix=PLAN
# Bias and activation follow the product in registers: nothing is stored in between, and the bias is
# read once a column, not once an element.

graph "dense" {
  # PLAN: 1 phases in 1 launches
  # CHECK-LABEL: static void p0_matmul_add_sigmoid(
  # CHECK-NOT: float16 *)
  # CHECK: [[ACC:c[0-9_]+]] = fma(
  # CHECK-NOT: float16 *)
  # CHECK: [[BIAS:v[0-9]+]] = vload16(0, state_
  # CHECK-NEXT: for (int r = 0; r < 8; r++) {
  # CHECK-NEXT: {
  # CHECK-NEXT: [[SUM:v[0-9]+]] = c[r{{.*}}] + [[BIAS]];
  # CHECK-NEXT: [[Y:v[0-9]+]] = (float16)(1) / ((float16)(1) + cr_exp_f16(-[[SUM]]));
  # CHECK-NEXT: *(global float16 *)(sigmoid_{{.*}}) = [[Y]];
  # CHECK-NEXT: }
  # CHECK-NEXT: }
  # CHECK-NOT: float16 *)

  # GPU-LABEL: static void p0_matmul_add_sigmoid(
  # GPU: [[ACC:c[0-9_]+]] = fma(
  # GPU: if (lid < 16 && i{{[0-9]+}} < 8 && [[J:j[0-9]+]] < 16) {
  # GPU-NEXT: [[BIAS:v[0-9]+]] = state_{{[0-9]+}}{{\[}}[[J]]];
  # GPU-NEXT: [[SUM:v[0-9]+]] = [[ACC]] + [[BIAS]];
  # GPU-NEXT: [[Y:v[0-9]+]] = (float)(1) / ((float)(1) + cr_exp_f1(-[[SUM]]));
  # GPU-NEXT: sigmoid_{{[0-9]+}}[{{.*}}] = [[Y]];
  # GPU-NEXT: }
  # GPU-NEXT: {{^}$}}
  %1 = input "x" : f32[8,24]
  %2 = state "w" param : f32[24,16]
  %3 = state "b" param : f32[16]
  %4 = matmul %1, %2 : f32[8,16]
  %5 = expand %3 : f32[8,16]
  %6 = add %4, %5 : f32[8,16]
  %7 = sigmoid %6 : f32[8,16]
  output "h", %7
}
