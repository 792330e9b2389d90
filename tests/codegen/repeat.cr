# RUN: %crisol opt %s --emit=plan --target=cpu | FileCheck %s --check-prefix=PLAN
# RUN: %crisol opt %s --emit=cl --target=cpu | FileCheck %s
# A launch that may repeat the step is one group, also when all its phases are independent: two would
# both count.

graph "count" {
  # PLAN: launch 0: 1 groups of 1, 1 stage, may repeat the step
  # CHECK: for (int s = 0; s < steps; s++) {
  # CHECK-NOT: get_group_id
  %1 = state "n" constant(0) : i32
  %2 = const 1 : i32
  %3 = add %1, %2 : i32
  assign %1, %3
  %4 = input "x" : u8[2]
  %5 = cast %4 : f32[2]
  output "y", %5
}
