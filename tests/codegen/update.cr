# RUN: %crisol opt %s --emit=cl --target=cpu | FileCheck %s
# RUN: %crisol opt %s --emit=cl --target=gpu | FileCheck %s --check-prefix=GPU
# RUN: %crisol opt %s --emit=plan --target=cpu | FileCheck %s --check-prefix=PLAN
# The gradient of a weight never is in memory: it is used up in the registers it was summed in, and the
# weight is written where it was read.

graph "sgd" {
  # PLAN: 1 phases in 1 launches
  # PLAN: store {{.*}} sub in place of state "w"
  # PLAN: arena peak 0 B
  # CHECK-LABEL: static void p0_matmul_mul_sub(
  # CHECK-NOT: arena
  # CHECK: global float *[[W:state_[0-9]+]] =
  # CHECK: fma(
  # CHECK: [[OLD:v[0-9]+]] = vload16(0, [[AT:state_.*]]);
  # CHECK: [[STEP:v[0-9]+]] = {{c.*}} * (float16)(0.5f);
  # CHECK-NEXT: [[NEW:v[0-9]+]] = [[OLD]] - [[STEP]];
  # CHECK-NEXT: *(global float16 *)([[AT]]) = [[NEW]];
  # GPU-LABEL: static void p0_matmul_mul_sub(
  # GPU-NOT: arena
  # GPU: [[OLD:v[0-9]+]] = [[AT:state_.*]];
  # GPU-NEXT: [[STEP:v[0-9]+]] = {{c.*}} * 0.5f;
  # GPU-NEXT: [[NEW:v[0-9]+]] = [[OLD]] - [[STEP]];
  # GPU-NEXT: [[AT]] = [[NEW]];
  %1 = input "x" : f32[8,6]
  %2 = input "gradient" : f32[8,16]
  %3 = state "w" param : f32[6,16]
  %4 = const 0.5 : f32
  %5 = permute %1 (1,0) : f32[6,8]
  %6 = matmul %5, %2 : f32[6,16]
  %7 = expand %4 : f32[6,16]
  %8 = mul %6, %7 : f32[6,16]
  %9 = sub %3, %8 : f32[6,16]
  assign %3, %9
}
