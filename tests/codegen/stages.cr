# RUN: %crisol opt %s --emit=cl --target=gpu --variant=unfused | FileCheck %s --check-prefix=GPU
# RUN: %crisol opt %s --emit=cl --target=gpu --launches=alone | FileCheck %s --check-prefix=GPU
# RUN: %crisol opt %s --emit=cl --target=cpu --launches=resident | FileCheck %s --check-prefix=MEET
# RUN: %crisol opt %s --emit=cl --target=cpu --variant=unfused | FileCheck %s --check-prefix=CPU
# RUN: %crisol opt %s --emit=cl --target=cpu | FileCheck %s
# RUN: %crisol opt %s --emit=cl --target=cpu --launches levels | FileCheck %s --check-prefix=MANY
# An op that takes two phases is one kernel of one work-group. Where that is many work-items, they meet
# at a barrier after each phase; a single work-item is in order with itself. The whole step in one group
# may repeat, which --launches levels forbids.

graph "stages" {
  # GPU: kernel __attribute__((reqd_work_group_size(256, 1, 1))) void k0_2_phases(
  # GPU: p0_sum(
  # GPU: barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
  # GPU: p1_sum_div(
  # MEET: for (int s = 0; s < steps; s++) {
  # MEET: p0_sum(
  # MEET: if (!meet(place, units, &round, &left))
  # MEET: p1_sum_div(
  # MEET: if (!meet(place, units, &round, &left))
  # CPU: kernel {{.*}}k0_2_phases(
  # CPU: p0_sum(
  # CPU-NOT: barrier
  # CPU: p1_sum_div(
  # CHECK: kernel {{.*}}k0_2_phases({{.*}}, const int steps)
  # CHECK-NEXT: {
  # CHECK-NEXT: for (int s = 0; s < steps; s++) {
  # CHECK: p0_sum(
  # CHECK: p1_sum_div(
  # MANY-NOT: steps
  # MANY: kernel {{.*}}k0_sum(
  # MANY: kernel {{.*}}k1_sum_div(
  %1 = input "x" : f32[40,24]
  %2 = sum %1 axes(1) : f32[40,1] !1 "score" m.c:3
  %3 = sum %2 axes(0) : f32[1,1] !1
  %4 = expand %3 : f32[40,1] !1
  %5 = div %2, %4 : f32[40,1] !1
  output "y", %5
}
