# RUN: %crisol opt %s --emit=cl --target=cpu | FileCheck %s
# RUN: %crisol opt %s --emit=cl --target=cpu > %t.cl
# RUN: clang -x cl -cl-std=CL1.2 -Xclang -finclude-default-header -fsyntax-only -Wall -Wextra -Werror %t.cl
# A row of 33: a loop over two whole vectors, and one of which a lane is in use.

graph "ragged" {
  # CHECK: for (int j{{[0-9]+}} = 0; j{{[0-9]+}} < 2; j{{[0-9]+}}++) {
  # CHECK:   *(global float16 *)(sum_2
  # CHECK: for (
  # CHECK:   sum_2[32 + 0] = {{.*}}.s0;
  # CHECK-NOT: vstore
  %1 = input "x" : f32[3,33]
  %2 = sum %1 axes(0) : f32[1,33]
  output "y", %2
}
