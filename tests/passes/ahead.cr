# RUN: %crisol opt %s --emit=plan --target=cpu --launches=resident | FileCheck %s
# RUN: %crisol opt %s --emit=cl --target=cpu --launches=alone | FileCheck %s --check-prefix=CL
# RUN: %crisol opt %s --emit=cl --target=cpu --launches=levels | FileCheck %s --check-prefix=NONE
# RUN: %crisol opt %s --emit=cl --target=gpu --launches=alone | FileCheck %s --check-prefix=NONE
# A launch of many steps asks, before the dearest stage behind the first, for the rows that the next
# step gathers: at the offset that the step ends with, which is known before the state is written.

graph "ahead" {
  # CHECK: fetches, before stage 1, the next step's %{{[0-9]+}} gather
  # CL: static void ahead(
  # CL: const int [[NOW:v[0-9]+]] = state_4[0];
  # CL: const int [[NEXT:v[0-9]+]] = [[NOW]] + 32;
  # CL: for (int r = 0; r < 32; r++) {
  # CL: const int {{v[0-9]+}} = {{.*}}[[NEXT]]{{.*}};
  # CL: FETCH(input_1 + {{r[0-9]+}} * 784 + i);
  # CL: for (int s = 0; s < steps; s++) {
  # CL: p{{[0-9]}}_matmul
  # CL: ahead(
  # CL-NOT: matmul
  # CL: {{^}}}
  # NONE-NOT: ahead(
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
  %12 = tanh %11 : f32[32,64]
  %13 = sum %12 axes(1) : f32[32,1]
  output "y", %13
  %14 = const 32 : i32
  %15 = add %4, %14 : i32
  assign %4, %15
}
