# RUN: %crisol opt --passes=dce %s | FileCheck %s
# What no root reaches goes; an assign is a root.

graph "dead" {
  # CHECK:      %1 = input "x" : f32
  # CHECK-NEXT: %2 = state "s" : f32
  # CHECK-NEXT: %3 = add %1, %2 : f32
  # CHECK-NEXT: assign %2, %3
  # CHECK-NEXT: output "y", %1
  # CHECK-NEXT: }
  %1 = input "x" : f32
  %2 = input "unused" : f32
  %3 = exp %2 : f32
  %4 = state "s" : f32
  %5 = add %1, %4 : f32
  assign %4, %5
  output "y", %1
}
