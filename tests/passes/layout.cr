# RUN: %crisol opt %s --emit=plan --target=cpu --launches=resident | FileCheck %s
# RUN: %crisol opt %s --emit=cl --target=cpu --launches=resident | FileCheck %s --check-prefix=CL
# RUN: %crisol opt %s --emit=plan --target=cpu --launches=alone | FileCheck %s --check-prefix=ALONE
# Resident groups work on a copy of the states that the step assigns, "w" and "b"; "rate" stays where it
# is. Each of two groups owns half of the columns of "w", which are therefore apart in the copy.

graph "layout" {
  # CHECK: launch 0: 2 resident groups of 1
  # CHECK: {{[0-9]+}} store: [[#]] B
  # CHECK: [[#WORK:]] work: [[#]] B
  # CHECK-DAG: in [[#WORK]] at {{[0-9]+}}: %2 state {{.*}}in panels of 64 columns
  # CHECK-DAG: in [[#WORK]] at {{[0-9]+}}: %3 state "b", 512 B{{$}}
  # ALONE-NOT: work:
  # ALONE-NOT: panels
  # CL: *   out %2    state     f32[96,128]    work+{{[0-9]+}}, in panels of 64 columns, its next value
  # CL: static void move_states(
  # CL: move_panels({{.*}}, commit, 96, 2, 4, unit, units);
  %1 = input "x" : f32[32,96]
  %2 = state "w" param glorot_uniform : f32[96,128]
  %3 = state "b" param constant(0) : f32[128]
  %4 = state "rate" constant(0.1) : f32
  %5 = matmul %1, %2 : f32[32,128]
  %6 = expand %3 : f32[32,128]
  %7 = add %5, %6 : f32[32,128]
  %8 = tanh %7 : f32[32,128]
  %9 = permute %1 (1,0) : f32[96,32]
  %10 = matmul %9, %8 : f32[96,128]
  %11 = expand %4 : f32[96,128]
  %12 = mul %10, %11 : f32[96,128]
  %13 = sub %2, %12 : f32[96,128]
  assign %2, %13
  %14 = sum %8 axes(0) : f32[1,128]
  %15 = reshape %14 : f32[128]
  %16 = expand %4 : f32[128]
  %17 = mul %15, %16 : f32[128]
  %18 = sub %3, %17 : f32[128]
  assign %3, %18
  %19 = sum %8 axes(1) : f32[32,1]
  output "y", %19
}
