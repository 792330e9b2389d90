# RUN: %crisol opt --passes=simplify %s | FileCheck %s
# What only moves elements is put together: two transposes, two reshapes, the slice that undoes a pad.

graph "moves" {
  # CHECK:      %1 = input "x" : f32[4,6]
  # CHECK-NEXT: output "same", %1
  # CHECK-NEXT: %3 = reshape %1 : f32[8,3]
  # CHECK-NEXT: output "flat", %3
  # CHECK-NEXT: %5 = slice %1 begin(1,0) : f32[2,6]
  # CHECK-NEXT: output "rows", %5
  # CHECK-NEXT: }
  %1 = input "x" : f32[4,6]
  %2 = permute %1 (1,0) : f32[6,4]
  %3 = permute %2 (1,0) : f32[4,6]
  output "same", %3
  %5 = reshape %1 : f32[24]
  %6 = reshape %5 : f32[8,3]
  output "flat", %6
  %8 = pad %1 before(2,0) value 0 : f32[8,6]
  %9 = slice %8 begin(3,0) : f32[2,6]
  output "rows", %9
}
