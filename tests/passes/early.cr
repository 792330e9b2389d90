# RUN: %crisol opt %s --emit=plan --target=cpu --launches=levels | FileCheck %s
# RUN: %crisol opt %s --emit=cl --target=cpu --launches=levels | FileCheck %s --check-prefix=CL
# RUN: %crisol opt %s --emit=plan --target=cpu --launches=resident | FileCheck %s --check-prefix=TWO
# RUN: %crisol opt %s --emit=plan --target=cpu --variant=unfused | FileCheck %s --check-prefix=LATE
# The last phase takes the batch's rows once more. It reads a copy of the offset, which the first launch
# makes, so that the second one may write the next offset: three launches, of which none only does that.

graph "early" {
  # CHECK: in 3 launches
  # CHECK-LABEL: launch 0:
  # CHECK: load %4 state "offset"
  # CHECK: store [[COPY:%[0-9]+]] reshape
  # CHECK-LABEL: launch 1:
  # CHECK: store %{{[0-9]+}} add in place of state "offset"
  # CHECK-LABEL: launch 2:
  # CHECK: contraction over [784,64]
  # CHECK-NOT: state "offset"
  # CHECK: load [[COPY]] reshape
  # CL-LABEL: static void p2_
  # CL: = reshape_[[N:[0-9]+]][0];
  # CL-LABEL: static void p4_copy(
  # CL: reshape_[[N]][0] = v
  # TWO: 3 stages
  # LATE-NOT: %{{[0-9]+}} reshape
  %1 = input "x" : u8[1000,784]
  %2 = input "order" : i32[1000]
  %3 = state "w" param glorot_uniform : f32[784,64]
  %4 = state "offset" : i32
  %5 = expand %4 : i32[32]
  %6 = iota axis(0) : i32[32]
  %7 = add %6, %5 : i32[32]
  %8 = gather %2, %7 : i32[32]
  %9 = gather %1, %8 : u8[32,784]
  %10 = cast %9 : f32[32,784]
  %11 = matmul %10, %3 : f32[32,64]
  %12 = amax %11 axes(0) : f32[1,64]
  %13 = expand %12 : f32[32,64]
  %14 = sub %13, %11 : f32[32,64]
  %19 = permute %10 (1,0) : f32[784,32]
  %15 = matmul %19, %14 : f32[784,64]
  %16 = sub %3, %15 : f32[784,64]
  assign %3, %16
  %17 = const 32 : i32
  %18 = add %4, %17 : i32
  assign %4, %18
}
