# RUN: %crisol opt %s --emit=plan --target=cpu | FileCheck %s
# RUN: %crisol opt %s --emit=plan --target=cpu --variant=unfused | FileCheck %s
# A state that is assigned itself keeps its value: nothing copies it onto itself.

graph "self" {
  %1 = state "x" : f32[5]
  %2 = input "i" : f32[5]
  %3 = add %1, %2 : f32[5]
  # CHECK: 1 phases in 1 launches
  # CHECK-NOT: in place of state
  output "y", %3
  assign %1, %1
}
