# RUN: %crisol opt %s --emit=cl --target=gpu | FileCheck %s
# RUN: %crisol opt %s --emit=cl --target=gpu > %t.gpu.cl
# RUN: clang -x cl -cl-std=CL1.2 -Xclang -finclude-default-header -fsyntax-only -Wall -Wextra -Werror %t.gpu.cl
# RUN: %crisol opt %s --emit=cl --target=cpu > %t.cpu.cl
# RUN: clang -x cl -cl-std=CL1.2 -Xclang -finclude-default-header -fsyntax-only -Wall -Wextra -Werror %t.cpu.cl
# Whole numbers are not compared with themselves, as floats are for NaN: drivers' compilers warn of it.

graph "whole" {
  # CHECK-NOT: int {{.*}} !=
  %1 = input "x" : i32[33,40]
  %2 = input "y" : i32[33,40]
  %3 = amax %1 axes(1) : i32[33,1]
  %4 = argmax %1 axes(1) : i32[33,1]
  %5 = max %1, %2 : i32[33,40]
  %6 = min %1, %2 : i32[33,40]
  output "a", %3
  output "b", %4
  output "c", %5
  output "d", %6
}
