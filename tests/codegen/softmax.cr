# RUN: %crisol opt %s --emit=cl --target=cpu | FileCheck %s
# RUN: %crisol opt %s --emit=cl --target=gpu | FileCheck %s --check-prefix=GPU
# RUN: %crisol opt %s --emit=plan --target=gpu | FileCheck %s --check-prefix=PLAN
# Softmax with cross-entropy: three reductions over a row and what lies between them are one phase, in
# which a work-item keeps its row's maximum and sum in registers; the one-hot target is a comparison.

graph "softmax" {
  # PLAN: 1 phases in 1 launches
  # PLAN: store {{.*}} neg
  # PLAN-NOT: store %
  # CHECK-LABEL: static void p0_amax_sub_exp_sum_log(
  # CHECK: for (int {{.*}} < 10;
  # CHECK: [[MAX:a[0-9]+]] = {{.*}} != {{.*}} : [[MAX]];
  # CHECK: for (int {{.*}} < 10;
  # CHECK: cr_exp_f16(
  # CHECK: [[LOG:v[0-9]+]] = cr_log_f16([[SUM:a[0-9]+]]);
  # CHECK: for (int [[I:i[0-9]+]] = 0; [[I]] < 10;
  # CHECK: - [[MAX]];
  # CHECK: - [[LOG]];
  # CHECK: *(global float16 *)(
  # CHECK: *(global float16 *)(
  # CHECK-NOT: float16 *)(
  # GPU-LABEL: static void p0_amax_sub_exp_sum_log(
  # GPU: if (t < 32) {
  # GPU-COUNT-3: for (int {{.*}} < 10;
  # GPU: neg_{{[0-9]+}}[t] =
  # GPU-NEXT: }
  # GPU-NEXT: {{^}$}}
  %1 = input "scores" : f32[32,10]
  %2 = input "labels" : i32[32]
  %3 = amax %1 axes(1) : f32[32,1]
  %4 = expand %3 : f32[32,10]
  %5 = sub %1, %4 : f32[32,10]
  %6 = exp %5 : f32[32,10]
  %7 = sum %6 axes(1) : f32[32,1]
  %8 = log %7 : f32[32,1]
  %9 = expand %8 : f32[32,10]
  %10 = sub %5, %9 : f32[32,10]
  %11 = reshape %2 : i32[32,1]
  %12 = expand %11 : i32[32,10]
  %13 = iota axis(1) : i32[32,10]
  %14 = eq %12, %13 : bool[32,10]
  %15 = cast %14 : f32[32,10]
  %16 = mul %15, %10 : f32[32,10]
  %17 = sum %16 axes(1) : f32[32,1]
  %18 = neg %17 : f32[32,1]
  output "loss", %18
}
