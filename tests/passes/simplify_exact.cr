# RUN: %crisol opt --passes=simplify %s | FileCheck %s
# RUN: %crisol opt --passes=simplify --fast-math %s | FileCheck %s --check-prefix=FAST
# x - 0 is x for every x; x + 0 is not for -0.0, and needs fast-math. So does 0 * x, for infinities.

graph "zeros" {
  # CHECK:      %1 = input "x" : f32[4]
  # CHECK-NEXT: %2 = const 0 : f32
  # CHECK-NEXT: %3 = expand %2 : f32[4]
  # CHECK-NEXT: %4 = add %1, %3 : f32[4]
  # CHECK-NEXT: %5 = mul %4, %3 : f32[4]
  # CHECK-NEXT: output "add", %4
  # CHECK-NEXT: output "mul", %5
  # FAST:      %1 = input "x" : f32[4]
  # FAST-NEXT: %2 = const 0 : f32
  # FAST-NEXT: %3 = expand %2 : f32[4]
  # FAST-NEXT: output "add", %1
  # FAST-NEXT: output "mul", %3
  %1 = input "x" : f32[4]
  %2 = const 0 : f32
  %3 = expand %2 : f32[4]
  %4 = sub %1, %3 : f32[4]
  %5 = add %4, %3 : f32[4]
  %6 = mul %5, %3 : f32[4]
  output "add", %5
  output "mul", %6
}
