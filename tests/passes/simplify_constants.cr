# RUN: %crisol opt --passes=specialize,simplify --bind batch=32 %s | FileCheck %s
# RUN: %crisol opt --passes=specialize,simplify --bind batch=25 %s | FileCheck %s --check-prefix=ODD
# Constants fold, sizes too once they are known. To divide by a power of two is to multiply by its
# reciprocal, bit for bit; by another number it is not.

graph "mean" {
  symbol batch <= 64
  # CHECK:      %1 = input "loss" : f32
  # CHECK-NEXT: %2 = const 0.015625 : f32
  # CHECK-NEXT: %3 = mul %1, %2 : f32
  # ODD:      %2 = const 50 : f32
  # ODD-NEXT: %3 = div %1, %2 : f32
  %1 = input "loss" : f32
  %2 = size batch : i32
  %3 = const 2 : i32
  %4 = mul %2, %3 : i32
  %5 = cast %4 : f32
  %6 = div %1, %5 : f32
  output "mean", %6
}
