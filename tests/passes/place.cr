# RUN: %crisol opt --passes=place %s | FileCheck %s
# RUN: %crisol opt --passes=place %s | %crisol opt --passes= - | FileCheck %s
# RUN: %crisol opt --passes=place,transfers --variant=fused %s | FileCheck %s --check-prefix=FUSED
# Naive placement: an op's operands go up, for each op anew (for(N)), its result comes down once.
# Transfer elimination takes it all back.

graph "two readers" {
  # CHECK:      [[X:%[0-9]+]] = input "x" : f32[4] host
  # CHECK-NEXT: [[A:%[0-9]+]] = copy [[X]] to device for([[#]]) : f32[4]
  # CHECK-NEXT: [[E:%[0-9]+]] = exp [[A]] : f32[4]
  # CHECK-NEXT: [[H:%[0-9]+]] = copy [[E]] to host : f32[4] host
  # CHECK-NEXT: [[B:%[0-9]+]] = copy [[H]] to device for([[#N:]]) : f32[4]
  # CHECK-NEXT: tanh [[B]]
  # CHECK-NEXT: [[C:%[0-9]+]] = copy [[H]] to device for([[#N+1]]) : f32[4]
  # CHECK-NEXT: neg [[C]]
  # FUSED-NOT: copy
  # FUSED-NOT: host
  # FUSED: output "b", %4
  %1 = input "x" : f32[4]
  %2 = exp %1 : f32[4]
  %3 = tanh %2 : f32[4]
  %4 = neg %2 : f32[4]
  output "a", %3
  output "b", %4
}
